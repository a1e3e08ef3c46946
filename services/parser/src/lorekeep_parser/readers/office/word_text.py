"""Text of Word's paragraphs as Word shows it: insertions in, deletions out, fields by their results."""

from collections.abc import Iterator
from typing import Any

from lorekeep_parser.readers.office.office_packages import local

# What is not shown, or is shown another time: the older form of a drawing, the readings above characters.
HIDDEN = frozenset({"del", "moveFrom", "delText", "instrText", "delInstrText", "Fallback", "rt", "pPr", "rPr", "sdtPr"})
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def paragraphs(block: Any) -> list[str]:
    """The paragraphs inside of a block, in order, those of its text boxes behind the one that they hang on."""
    done: list[str] = []
    for each in _outermost(block):
        done += _texts(each)
    return done


def _outermost(block: Any) -> Iterator[Any]:
    """Paragraphs that are in no other one."""
    stack = [block]
    while stack:
        element = stack.pop()
        if local(element) == "p":
            yield element
        elif local(element) not in HIDDEN:
            stack += reversed(element)


def _texts(paragraph: Any) -> list[str]:
    """A paragraph's own text, then that of its text boxes."""
    waiting, texts = [paragraph], []
    while waiting:
        text, boxes = own_text(waiting.pop())
        texts.append(text)
        waiting += [each for box in reversed(boxes) for each in reversed(list(_outermost(box)))]
    return texts


def own_text(paragraph: Any) -> tuple[str, list[Any]]:
    """A paragraph's text without its text boxes, and those."""
    parts: list[str] = []
    boxes: list[Any] = []
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        name = local(element)
        if name == "t":
            parts.append(element.text or "")
        elif name in _CHARACTERS:
            parts.append(_CHARACTERS[name])
        elif name == "txbxContent":
            boxes.append(element)
        elif name and name not in HIDDEN:
            stack += reversed(element)
    return "".join(parts), boxes


def cell_text(cell: Any) -> str:
    """A table cell's text, nested tables included."""
    return "\n".join(each for each in paragraphs(cell) if each.strip())
