"""What a chunker holds open, and how it is written down for a checkpoint."""

from typing import Any

from lorekeep_parser.chunking.pieces import Note, Piece

# Rough bytes of a state, before compression, that a piece, a note and a box take.
_PIECE_BYTES, _NOTE_BYTES, _BOX_BYTES = 12, 40, 60


class OpenSection:
    """The pieces that are open, with the text they stand in.

    The first `fresh` pieces repeat the end of the chunk before. `ordinal` is that of the next chunk.
    """

    def __init__(self) -> None:
        self.ordinal = 0
        self.pieces: list[Piece] = []
        self.fresh = 0
        self.weight = 0
        self.only_headings = True
        self.table_header: tuple[str, int] | None = None
        self._text = ""
        self._text_start = 0
        self._text_bytes = 0
        self._note_bytes = 0

    @property
    def has_fresh(self) -> bool:
        """Whether anything is held that no chunk has yet."""
        return len(self.pieces) > self.fresh

    @property
    def path(self) -> list[str]:
        """Headings above what comes next; empty where nothing is open."""
        return self.pieces[-1].note.path if self.pieces else []

    @property
    def held_bytes(self) -> int:
        """About what the state takes before it is compressed."""
        self._forget()
        return self._text_bytes + self._note_bytes + _PIECE_BYTES * len(self.pieces)

    def extend(self, text: str, start: int, pieces: list[Piece]) -> None:
        """Adds the pieces of a text that begins at `start`."""
        if not pieces:
            return
        if not self.pieces:
            self._text, self._text_start, self._text_bytes = "", start, 0
        self._forget()
        added = "\n" * (start - self._text_start - len(self._text)) + text
        self._text += added
        self._text_bytes += len(added.encode())
        self.only_headings = (not self.pieces or self.only_headings) and all(each.heading for each in pieces)
        self.pieces += pieces
        self.weight += sum(each.weight for each in pieces)
        self._note_bytes += _bytes_of(pieces[0].note)

    def text_between(self, start: int, end: int) -> str:
        """The canonical text [start, end), both inside of what is held."""
        return self._text[start - self._text_start : end - self._text_start]

    def part(self, pieces: list[Piece]) -> "OpenSection":
        """A section of its own of some of the pieces, over the same text."""
        part = OpenSection()
        part.pieces, part.weight = list(pieces), sum(each.weight for each in pieces)
        part._text, part._text_start = self._text, self._text_start
        return part

    def next_ordinal(self) -> int:
        """Counts a chunk; gives its ordinal."""
        self.ordinal += 1
        return self.ordinal - 1

    def cut(self, taken: int, overlap: int) -> None:
        """Lets go of the first `taken` pieces but for the last `overlap` of them."""
        gone = self.pieces[: taken - overlap]
        del self.pieces[: taken - overlap]
        self.fresh = overlap
        self.weight -= sum(each.weight for each in gone)
        kept = self.pieces[0].note if self.pieces else None
        notes = {id(each.note): each.note for each in gone if each.note is not kept}
        self._note_bytes -= sum(map(_bytes_of, notes.values()))

    def drop_overlap(self) -> None:
        """Lets go of the repeated pieces, since they leave no room for a new one."""
        self.cut(self.fresh, 0)

    def replace_first(self, pieces: list[Piece]) -> None:
        """Puts the parts of the first piece in its place."""
        self.weight += sum(each.weight for each in pieces) - self.pieces[0].weight
        self.pieces[:1] = pieces

    def clear(self) -> None:
        """Ends the section. A table that goes on behind it keeps its header."""
        self.pieces, self.fresh, self.weight, self.only_headings = [], 0, 0, True
        self._text, self._text_start, self._text_bytes, self._note_bytes = "", 0, 0, 0

    def _forget(self) -> None:
        """Lets go of the text before the first piece."""
        if self.pieces and self.pieces[0].start > self._text_start:
            gone = self.pieces[0].start - self._text_start
            self._text_bytes -= len(self._text[:gone].encode())
            self._text, self._text_start = self._text[gone:], self.pieces[0].start

    def state(self) -> dict[str, Any]:
        """What is open, as JSON; `restored` reads it back."""
        self._forget()
        notes = list({id(each.note): each.note for each in self.pieces}.values())
        number = {id(each): index for index, each in enumerate(notes)}
        shared = _Shared()
        return {
            "ordinal": self.ordinal,
            "fresh": self.fresh,
            "only_headings": self.only_headings,
            "table_header": self.table_header,
            "text": self._text if self.pieces else "",
            "text_start": self._text_start if self.pieces else 0,
            "notes": [_flat_note(each, shared) for each in notes],
            "pieces": [_flat(each, number[id(each.note)]) for each in self.pieces],
            "shared": shared.texts,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "OpenSection":
        """Reads `state` back; KeyError, TypeError, IndexError or ValueError where it is none."""
        section = cls()
        section.ordinal = int(state["ordinal"])
        section.fresh, section.only_headings = int(state["fresh"]), bool(state["only_headings"])
        header = state["table_header"]
        section.table_header = (str(header[0]), int(header[1])) if header else None
        section._text, section._text_start = str(state["text"]), int(state["text_start"])
        section._text_bytes = len(section._text.encode())
        shared = [str(each) for each in state["shared"]]
        notes = [_note(each, shared) for each in state["notes"]]
        section.pieces = [_piece(each, notes) for each in state["pieces"]]
        section.weight = sum(each.weight for each in section.pieces)
        section._note_bytes = sum(map(_bytes_of, notes))
        return section


class _Shared:
    """Texts that many notes have, each written once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]


def _bytes_of(note: Note) -> int:
    return _NOTE_BYTES + _BOX_BYTES * len(note.boxes)


def _flat_note(note: Note, shared: _Shared) -> list[Any]:
    path = [shared.number(each) for each in note.path]
    return [note.kind, note.page, note.boxes, path, shared.number(note.header), note.header_tokens]


def _note(flat: list[Any], shared: list[str]) -> Note:
    kind, page, boxes, path, header, tokens = flat
    return Note(kind, page, boxes, [shared[each] for each in path], shared[header], tokens)


def _flat(piece: Piece, note: int) -> list[Any]:
    flags = piece.heading | piece.spaced << 1 | piece.headed << 2
    return [piece.start, piece.end - piece.start, piece.tokens, piece.weight, piece.cost, note, flags]


def _piece(flat: list[Any], notes: list[Note]) -> Piece:
    start, length, tokens, weight, cost, note, flags = flat
    return Piece(
        start, start + length, tokens, weight, cost, notes[note], bool(flags & 1), bool(flags & 2), bool(flags & 4)
    )
