"""What the texts of any request must be like: how many, how large, and none blank."""

from collections.abc import Sequence

from lorekeep_chassis.channels import MAX_MESSAGE_BYTES
from lorekeep_chassis.errors import InvalidInput, TooLarge

MAX_TEXTS = 1024


def check_texts(texts: Sequence[str], *, beside: str = "") -> None:
    """InvalidInput or TooLarge where the contract is broken; `beside` counts towards the size.

    Blank is white space alone. A text of control characters or zero-width ones alone is not blank: ingest has such
    chunks, and a model makes the vector of an empty text of it.
    """
    if not texts:
        raise InvalidInput("There is no text. Send 1 to 1,024.", reason="no_texts", field="texts")
    if len(texts) > MAX_TEXTS:
        raise TooLarge(
            f"{len(texts)} texts are more than a request may hold. Send at most {MAX_TEXTS} at once.",
            reason="too_many_texts",
            field="texts",
        )
    if sum(utf8_bytes(text) for text in texts) + utf8_bytes(beside) > MAX_MESSAGE_BYTES:
        raise TooLarge("The texts are together over 4 MB. Send fewer at once.", field="texts")
    for index, text in enumerate(texts):
        if not text or text.isspace():
            raise InvalidInput(
                f"Text {index} is blank. Leave out texts without content.",
                reason="blank_text",
                field=f"texts[{index}]",
            )


def utf8_bytes(text: str) -> int:
    """Bytes of a text, without encoding the many that are ASCII."""
    return len(text) if text.isascii() else len(text.encode())
