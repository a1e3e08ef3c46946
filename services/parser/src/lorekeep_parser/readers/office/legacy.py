"""DOC and PPT: LibreOffice makes a DOCX or PPTX of them, which is read in their place."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from lorekeep_chassis.errors import InvalidInput, UnsupportedMedia
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Reader, Wishes
from lorekeep_parser.readers.office import office_kit
from lorekeep_parser.sandbox import child_limits, heartbeat

_SECONDS = 80
_MAX_BYTES = 512 * 2**20
_NEWER = {Media.DOC: ("docx", Media.DOCX), Media.PPT: ("pptx", Media.PPTX)}
# LibreOffice's names for what it writes.
_FILTERS = {"docx": "MS Word 2007 XML", "pptx": "Impress MS PowerPoint 2007 XML"}
_PROGRAMS = ("soffice", "libreoffice")
# The header of Word's file information block, in which a bit says that the text is encrypted.
_WORD_FLAGS, _WORD_ENCRYPTED = 0x0A, 0x0100


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> Reader:
    """Reads a DOC or PPT."""
    _refuse_encrypted(path, kind)
    suffix, newer = _NEWER[kind]
    made = converted(path, suffix, program())
    reader: Reader
    if newer is Media.DOCX:
        from lorekeep_parser.readers.office import word

        reader = word.opened(made, newer, name, wishes)
    else:
        from lorekeep_parser.readers.office import slides

        reader = slides.opened(made, newer, name, wishes)
    reader.media_type = kind.value
    reader.route = f"libreoffice.{suffix}"
    return reader


def program() -> str | None:
    """LibreOffice's binary, where it is installed."""
    return next((found for each in _PROGRAMS if (found := shutil.which(each))), None)


def converted(path: Path, suffix: str, binary: str | None) -> Path:
    """The document in a newer format, beside it. `binary` is LibreOffice's, beside which its library lies."""
    if binary is None:
        raise _converter_missing(suffix)
    made = path.parent / f"converted.{suffix}"
    # A profile of its own, so that nothing is shared with another document, and nothing stays.
    profile = path.parent / "office-profile"
    folder = str(Path(binary).resolve().parent)
    addresses = [each.as_uri() for each in (profile, path, made)]
    command = [sys.executable, "-I", office_kit.__file__, folder, *addresses, _FILTERS[suffix]]
    end = run(command, path.parent, suffix, _SECONDS)
    if end == office_kit.UNUSABLE:
        raise _converter_missing(suffix)
    if end != office_kit.DONE or not made.is_file() or made.stat().st_size > _MAX_BYTES:
        raise failures.corrupt("document")
    return made


def _converter_missing(suffix: str) -> UnsupportedMedia:
    return UnsupportedMedia(
        "Office documents of the old binary formats are read only where LibreOffice is installed on the server. "
        f"Save the document as {suffix.upper()} and upload that, or ask your operator to install LibreOffice.",
        reason="converter_missing",
    )


def run(command: list[str], home: Path, suffix: str, seconds: float) -> int:
    """How the converter ended. It runs in the child's own process group, so that it ends with it. Its time is bounded
    here, so signs of life are given for it."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8",
                   "SAL_USE_VCLPLUGIN": "svp"}  # fmt: skip
    begin = time.monotonic()
    with subprocess.Popen(  # noqa: S603
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=child_limits.die_with_parent,  # noqa: PLW1509 - a child has one thread
    ) as process:  # fmt: skip
        try:
            while time.monotonic() - begin < seconds:
                heartbeat.beat()
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(min(heartbeat.EVERY_SECONDS, seconds))
        finally:
            process.kill()
    raise InvalidInput(
        f"LibreOffice could not convert the document within {seconds:.0f} seconds. Save it as {suffix.upper()} and "
        "upload that.",
        reason="conversion_timeout",
    )


def _refuse_encrypted(path: Path, kind: Media) -> None:
    """ENCRYPTED where the file says so of itself: LibreOffice would only fail."""
    import olefile  # type: ignore[import-untyped]

    with olefile.OleFileIO(str(path)) as container:
        if kind is Media.PPT:
            encrypted = container.exists("EncryptedSummary")
        else:
            head = container.openstream("WordDocument").read(_WORD_FLAGS + 2)
            encrypted = bool(int.from_bytes(head[_WORD_FLAGS:], "little") & _WORD_ENCRYPTED)
    if encrypted:
        raise failures.encrypted("document")
