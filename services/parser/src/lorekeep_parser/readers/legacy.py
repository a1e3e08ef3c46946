"""DOC and PPT: LibreOffice makes a DOCX or PPTX of them, which is read in their place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lorekeep_chassis.errors import InvalidInput, UnsupportedMedia
from lorekeep_parser import child_limits, failures
from lorekeep_parser.media import Media
from lorekeep_parser.page import Reader, Wishes
from lorekeep_parser.readers import office_kit

_SECONDS = 80
_MAX_BYTES = 512 * 2**20
_NEWER = {Media.DOC: ("docx", Media.DOCX), Media.PPT: ("pptx", Media.PPTX)}
_PROGRAMS = ("soffice", "libreoffice")
# The header of Word's file information block, in which a bit says that the text is encrypted.
_WORD_FLAGS, _WORD_ENCRYPTED = 0x0A, 0x0100


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> Reader:
    """Reads a DOC or PPT."""
    _refuse_encrypted(path, kind)
    suffix, newer = _NEWER[kind]
    made = converted(path, suffix)
    reader: Reader
    if newer is Media.DOCX:
        from lorekeep_parser.readers import word

        reader = word.opened(made, newer, name, wishes)
    else:
        from lorekeep_parser.readers import slides

        reader = slides.opened(made, newer, name, wishes)
    reader.media_type = kind.value
    reader.route = f"libreoffice.{suffix}"
    return reader


def program() -> str | None:
    """LibreOffice's binary, where it is installed."""
    return next((found for each in _PROGRAMS if (found := shutil.which(each))), None)


def converted(path: Path, suffix: str) -> Path:
    """The document in a newer format, beside it."""
    binary = program()
    if binary is None:
        raise UnsupportedMedia(
            "Office documents of the old binary formats are read only where LibreOffice is installed on the server. "
            f"Save the document as {suffix.upper()} and upload that, or ask your operator to install LibreOffice.",
            reason="converter_missing",
        )
    made = path.parent / f"converted.{suffix}"
    # A profile of its own, so that nothing is shared with another document, and nothing stays.
    profile = (path.parent / "office-profile").as_uri()
    folder = str(Path(binary).resolve().parent)
    kit = [sys.executable, "-I", office_kit.__file__, folder, profile, path.as_uri(), made.as_uri(), suffix]
    _run(kit, path.parent, suffix)
    if not made.is_file():
        # The library is missing, or lacks a file of the screen that it thinks it needs.
        _run(_command(binary, profile, path, suffix), path.parent, suffix)
        written = path.parent / "converted" / f"{path.stem}.{suffix}"
        made = written if written.is_file() else made
    if not made.is_file() or made.stat().st_size > _MAX_BYTES:
        raise failures.corrupt("document")
    return made


def _command(binary: str, profile: str, path: Path, suffix: str) -> list[str]:
    """The program, with a socket beside the document where /tmp cannot be written."""
    return [
        binary, f"-env:UserInstallation={profile}", f"-env:OSL_SOCKET_PATH={path.parent}", "--headless", "--norestore",
        "--nolockcheck", "--nodefault", "--nologo", "--convert-to", suffix, "--outdir", str(path.parent / "converted"),
        str(path),
    ]  # fmt: skip


def _run(command: list[str], home: Path, suffix: str) -> None:
    """Runs a converter in the child's own process group, so that it ends with it."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8",
                   "SAL_USE_VCLPLUGIN": "svp"}  # fmt: skip
    try:
        subprocess.run(  # noqa: S603
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=_SECONDS, check=False, preexec_fn=child_limits.die_with_parent,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(
            f"LibreOffice could not convert the document within {_SECONDS} seconds. Save it as {suffix.upper()} and "
            "upload that.",
            reason="conversion_timeout",
        ) from error


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
