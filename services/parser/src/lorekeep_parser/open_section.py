"""What the chunker holds open, and how it is written down for a checkpoint."""

from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.pieces import Note, Piece


class OpenSection:
    """The pieces of the section that is open, with the text they stand in.

    The first `fresh` pieces repeat the end of the chunk before. `ordinal` is that of the next chunk.
    """

    def __init__(self) -> None:
        self.ordinal = 0
        self.path: list[str] = []
        self.pieces: list[Piece] = []
        self.fresh = 0
        self.weight = 0
        self.only_headings = True
        self.table_header: tuple[str, int] | None = None
        self._text = ""
        self._text_start = 0

    @property
    def has_fresh(self) -> bool:
        """Whether anything is held that no chunk has yet."""
        return len(self.pieces) > self.fresh

    def extend(self, element: document_pb2.Element, pieces: list[Piece], path: list[str]) -> None:
        """Adds an element's pieces. `path` is that of the section once the element is in it."""
        if not self.pieces:
            self._text, self._text_start = "", element.start
        gap = element.start - self._text_start - len(self._text)
        self._text += "\n" * gap + element.text
        self.only_headings = (not self.pieces or self.only_headings) and all(each.heading for each in pieces)
        self.pieces += pieces
        self.weight += sum(each.weight for each in pieces)
        self.path = path

    def text_between(self, start: int, end: int) -> str:
        """The canonical text [start, end), both inside of what is held."""
        return self._text[start - self._text_start : end - self._text_start]

    def next_ordinal(self) -> int:
        """Counts a chunk; gives its ordinal."""
        self.ordinal += 1
        return self.ordinal - 1

    def cut(self, taken: int, overlap: int) -> None:
        """Lets go of the first `taken` pieces but for the last `overlap` of them."""
        del self.pieces[: taken - overlap]
        self.fresh = overlap
        self._settle()

    def drop_overlap(self) -> None:
        """Lets go of the repeated pieces, since they leave no room for a new one."""
        del self.pieces[: self.fresh]
        self.fresh = 0
        self._settle()

    def replace_first(self, pieces: list[Piece]) -> None:
        """Puts the parts of the first piece in its place."""
        self.pieces[:1] = pieces
        self._settle()

    def clear(self) -> None:
        """Ends the section. A table that goes on behind it keeps its header."""
        self.pieces, self.fresh, self.weight, self.only_headings = [], 0, 0, True
        self._text, self._text_start = "", 0

    def _settle(self) -> None:
        self.weight = sum(each.weight for each in self.pieces)
        if not self.pieces:
            self._text, self._text_start = "", self._text_start + len(self._text)
            return
        self._text = self._text[self.pieces[0].start - self._text_start :]
        self._text_start = self.pieces[0].start

    def state(self) -> dict[str, Any]:
        """What is open, as JSON; `restored` reads it back."""
        notes = list({id(each.note): each.note for each in self.pieces}.values())
        number = {id(each): index for index, each in enumerate(notes)}
        return {
            "ordinal": self.ordinal,
            "path": self.path,
            "fresh": self.fresh,
            "only_headings": self.only_headings,
            "table_header": self.table_header,
            "text": self._text,
            "text_start": self._text_start,
            "notes": [[each.kind, each.page, each.boxes, each.header, each.header_tokens] for each in notes],
            "pieces": [_flat(each, number[id(each.note)]) for each in self.pieces],
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "OpenSection":
        """Reads `state` back; KeyError, TypeError or ValueError where it is none."""
        section = cls()
        section.ordinal, section.path = int(state["ordinal"]), [str(each) for each in state["path"]]
        section.fresh, section.only_headings = int(state["fresh"]), bool(state["only_headings"])
        header = state["table_header"]
        section.table_header = (str(header[0]), int(header[1])) if header else None
        section._text, section._text_start = str(state["text"]), int(state["text_start"])
        notes = [Note(*each) for each in state["notes"]]
        section.pieces = [_piece(each, notes) for each in state["pieces"]]
        section.weight = sum(each.weight for each in section.pieces)
        return section


def _flat(piece: Piece, note: int) -> list[Any]:
    flags = piece.heading | piece.spaced << 1 | piece.headed << 2
    return [piece.start, piece.end - piece.start, piece.tokens, piece.weight, piece.cost, note, flags]


def _piece(flat: list[Any], notes: list[Note]) -> Piece:
    start, length, tokens, weight, cost, note, flags = flat
    return Piece(
        start, start + length, tokens, weight, cost, notes[note], bool(flags & 1), bool(flags & 2), bool(flags & 4)
    )
