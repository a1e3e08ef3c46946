"""What can go wrong with a document, and how it crosses from the child to the gRPC process."""

import json

from lorekeep_chassis.errors import DeadlineExceeded, InvalidInput, LorekeepError, TooLarge, UnsupportedMedia

_CROSSING: dict[str, type[LorekeepError]] = {each.__name__: each for each in (InvalidInput, UnsupportedMedia, TooLarge)}
_MAX_MESSAGE_CHARACTERS = 2000


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
        kind = _CROSSING[body["kind"]]
        reason, message = str(body["reason"])[:64], str(body["message"])[:_MAX_MESSAGE_CHARACTERS]
        return kind(message, reason=reason), str(body["where"])[:_MAX_MESSAGE_CHARACTERS]
    except (ValueError, KeyError, TypeError):
        return crashed(), "unreadable failure"
