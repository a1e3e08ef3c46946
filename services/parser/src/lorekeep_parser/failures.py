"""What can go wrong with a document, and how it crosses from the child to the gRPC process."""

import errno
import json
import signal

from lorekeep_chassis.errors import (
    DeadlineExceeded,
    InvalidInput,
    LorekeepError,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)

_CROSSING: dict[str, type[LorekeepError]] = {each.__name__: each for each in (InvalidInput, UnsupportedMedia, TooLarge)}
# What a child may say of its document. Reasons name label values and what jobs do, so no other word is taken from one.
OF_THE_DOCUMENT = frozenset(
    {
        "conversion_timeout", "converter_missing", "corrupt", "empty_file", "empty_text", "encrypted", "invalid_input",
        "parser_crashed", "reader_missing", "resume_state_invalid", "strategy_unavailable", "tokenizer_invalid",
        "too_large", "too_large_unpacked", "too_many_pages", "unsupported_media",
    }
)  # fmt: skip
_MAX_MESSAGE_CHARACTERS = 2000
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def encrypted(what: str) -> LorekeepError:
    """The document needs a password."""
    return InvalidInput(
        f"The {what} is protected by a password. Remove the protection and upload it again.", reason="encrypted"
    )


def corrupt(what: str) -> LorekeepError:
    """The bytes claim a format and do not keep to it."""
    return InvalidInput(
        f"The {what} is damaged or incomplete and cannot be read. Open it, save it anew and upload it again.",
        reason="corrupt",
    )


def empty_file() -> LorekeepError:
    """No bytes at all."""
    return InvalidInput("The file is empty. Upload a file with content.", reason="empty_file")


def empty_text(without_ocr: bool) -> LorekeepError:
    """A document was read to its end and holds no text."""
    if without_ocr:
        return InvalidInput(
            "No text was found: the pages are images, and character recognition is not installed on the server. "
            "Install it (apt-get install tesseract-ocr) and retry.",
            reason="empty_text",
        )
    return InvalidInput("No text was found in the document. Upload one that holds text.", reason="empty_text")


def too_large_unpacked(limit_bytes: int) -> LorekeepError:
    """A container that unpacks to far more than it weighs."""
    return TooLarge(
        f"The document unpacks to more than {limit_bytes // 2**20} MB. Split it into smaller ones.",
        reason="too_large_unpacked",
    )


def out_of_memory() -> LorekeepError:
    """The child hit its memory limit."""
    return InvalidInput(
        "The document needs more memory to read than one document may have. Split it, or simplify it.",
        reason="parser_crashed",
    )


def crashed() -> LorekeepError:
    """The child died or failed in a way that nobody foresaw; retrying the same bytes would do the same."""
    return InvalidInput(
        "Reading the document made its reader fail. Open it, save it anew and upload it again; "
        "if it stays, report it to your operator.",
        reason="parser_crashed",
    )


def of_exit(exit_code: int | None) -> LorekeepError:
    """What the end of a child says that said nothing itself. `exit_code` is below 0 for a signal; None: it went with
    its fork server.

    Whose fault it is decides what becomes of the document:

    - None: the machine's. The fork server died, of which the document need not be the cause; it is read again, and
      that costs no attempt. A document that takes its fork server along each time ends with its job's deadline.
    - SIGXCPU: the document's, in a way that a second try may mend, since it goes on from the last checkpoint.
    - SIGKILL: nobody here sent it, so the kernel did, for want of memory. The child was below its own bound, so its
      neighbours, or a container smaller than their sum, have a part in it. It is read again, which costs an attempt:
      a document that is alone to blame is given up after the last.
    - anything else (SIGSEGV, SIGABRT, an exit code): the document's. A library fell over its bytes, and would again.
    """
    if exit_code is None:
        return Unavailable("The parser was interrupted. Try again.", reason="parser_restarting")
    if exit_code == -signal.SIGXCPU:
        return too_much_processor_time()
    if exit_code == -signal.SIGKILL:
        return killed()
    return crashed()


def of_system(error: OSError) -> LorekeepError:
    """What the system refused a child: a full disk is the machine's fault, a breach of the child's bounds the
    document's."""
    if error.errno in _DISK_FULL:
        return disk_full()
    if error.errno == errno.EFBIG:
        return too_large_written()
    if error.errno == errno.ENOMEM:
        return out_of_memory()
    return crashed()


def killed() -> LorekeepError:
    """The kernel took the child for want of memory. Of this class, a job tries again, and counts it as an attempt."""
    return Unavailable(
        "The server ran out of memory while the document was read. Try again, or split the document.",
        reason="parser_crashed",
        retry_after_seconds=5.0,
    )


def disk_full() -> LorekeepError:
    """No room on the scratch disk."""
    return Unavailable(
        "The parser's scratch disk is full. Try again later.", reason="disk_full", retry_after_seconds=30.0
    )


def sandbox_failed() -> LorekeepError:
    """A wall that stood when the fork server started cannot be put up: no document is read without it."""
    return Unavailable(
        "The parser cannot put up the walls that documents are read behind. Tell your operator.",
        reason="sandbox_failed",
        retry_after_seconds=30.0,
    )


# What a child may say of its machine. It is believed the reason alone, as the text is ours.
_OF_THE_MACHINE = {"disk_full": disk_full, "sandbox_failed": sandbox_failed}


def too_large_written() -> LorekeepError:
    """The child wrote a larger file than it may."""
    return TooLarge(
        "Reading the document takes larger scratch files than one document may have. Split it into smaller ones.",
        reason="too_large_unpacked",
    )


def too_much_processor_time() -> LorekeepError:
    """The child used up its processor time."""
    return DeadlineExceeded(
        "The document took more processor time than one document may have. Split it into smaller ones.",
        reason="parse_timeout",
    )


def silent(seconds: float) -> LorekeepError:
    """Nothing was heard of the child for so long that it must hang."""
    return DeadlineExceeded(
        f"Reading the document came to a standstill of {seconds:.0f} seconds. Open it, save it anew and upload it "
        "again, or split it.",
        reason="parse_timeout",
    )


def too_slow(seconds: float) -> LorekeepError:
    """The wall deadline passed."""
    return DeadlineExceeded(
        f"The document could not be read within {seconds:.0f} seconds. Split it into smaller ones.",
        reason="parse_timeout",
    )


def encoded(error: LorekeepError, where: str = "") -> bytes:
    """An error as the payload of a frame; `where` is for the log: code places, never text of the document."""
    body = {"kind": type(error).__name__, "reason": error.reason, "message": error.message, "where": where}
    return json.dumps(body).encode()


def decoded(payload: bytes) -> tuple[LorekeepError, str]:
    """Reads `encoded` back with bounds; anything else counts as a crash."""
    try:
        body = json.loads(payload)
        if body["reason"] in _OF_THE_MACHINE:
            return _OF_THE_MACHINE[body["reason"]](), str(body["where"])[:_MAX_MESSAGE_CHARACTERS]
        kind = _CROSSING[body["kind"]]
        where = str(body["where"])[:_MAX_MESSAGE_CHARACTERS]
        if body["reason"] not in OF_THE_DOCUMENT:
            return crashed(), f"a reason that is none: {where}"[:_MAX_MESSAGE_CHARACTERS]
        message = "".join(each if each.isprintable() else " " for each in body["message"][:_MAX_MESSAGE_CHARACTERS])
        return kind(message, reason=body["reason"]), where
    except (ValueError, KeyError, TypeError, RecursionError):
        return crashed(), "unreadable failure"
