"""Chunks of a fixed number of tokens, wherever that cuts."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking import borders, chunk_facts
from lorekeep_parser.chunking.chunker import MAX_HELD_BYTES
from lorekeep_parser.chunking.packer import Measure
from lorekeep_parser.chunking.pieces import CHARACTERS_PER_TOKEN, Note
from lorekeep_parser.chunking.tokens import Counter


class FixedChunker:
    """Holds the text of at most one chunk and an element, with the places where its tokens begin."""

    def __init__(self, options: parser_pb2.ChunkOptions, counter: Counter) -> None:
        self._counter = counter
        self._measure = Measure(counter, options.prefix)
        self._most = options.max_tokens
        self._capacity = self._measure.capacity(self._most)
        self._overlap = min(options.overlap_tokens, self._capacity // 2)
        self.count = 0
        self._run = _Run()

    def add(self, element: document_pb2.Element) -> Iterator[document_pb2.Chunk]:
        """Takes the next element. Page furniture ends the run of text, and with it the chunk."""
        if element.kind in chunk_facts.FURNITURE:
            yield from self.finish()
            return
        self._run.extend(element, self._counter)
        while len(self._run.places) > self._capacity or self._run.held_bytes > MAX_HELD_BYTES:
            yield from self._cut()

    def finish(self) -> Iterator[document_pb2.Chunk]:
        """Closes what is open."""
        while self._run.has_fresh:
            yield from self._cut()
        self._run = _Run()

    def state(self) -> dict[str, Any]:
        """What is open, as JSON."""
        return {"ordinal": self.count, **self._run.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.count, self._run = int(state["ordinal"]), _Run.restored(state)

    def _cut(self) -> Iterator[document_pb2.Chunk]:
        run = self._run
        taken = run.border(min(self._capacity, len(run.places)))
        while (tokens := self._tokens(taken)) > self._most:
            fewer = run.border(max(1, taken - max(tokens - self._most, 1)))
            if fewer >= taken and not run.refine(taken):
                break  # one character is longer than a chunk; no known tokenizer comes here
            taken = min(fewer, run.border(len(run.places)))
        text, begin = run.text_of(taken), run.begin_of(taken)
        if run.is_fresh(taken):
            yield chunk_facts.chunk(self.count, text, begin, run.notes_of(begin, begin + len(text)), tokens)
            self.count += 1
        run.cut(taken, self._overlap, begin)

    def _tokens(self, taken: int) -> int:
        """The true length of a chunk of so many tokens; only what the cuts may have changed is counted again."""
        text = self._run.text_of(taken)
        if not (self._measure.additive and self._run.true_places):
            return self._measure.whole("", text)
        first, last = text.split(None, 1), text.rsplit(None, 1)
        if len(first) < 2:
            return self._measure.whole("", text)
        begin = self._run.begin_of(taken)
        inner = self._run.places_between(begin + len(first[0]), begin + len(text) - len(last[1]))
        return self._measure.fixed + sum(self._counter.counts([first[0], last[1]])) + inner


class _Run:
    """A run of text without furniture in it. `places` are offsets in the canonical text, never falling; the first
    `fresh` of them are in the chunk before as well."""

    def __init__(self) -> None:
        self.places: list[int] = []
        # Whether every place is a token's. Not kept in the state: what is counted is the same.
        self.true_places = True
        self._text = ""
        self._start = 0
        self._fresh = 0
        self._notes: list[tuple[int, Note]] = []
        # About what the state takes before it is compressed.
        self.held_bytes = 0

    @property
    def has_fresh(self) -> bool:
        """Whether a text is held that no chunk has yet."""
        return len(self.places) > self._fresh

    def extend(self, element: document_pb2.Element, counter: Counter) -> None:
        """Adds an element and the places of its tokens, those of the blank line before it included."""
        if not self._notes:
            self._start = element.start
        end = self._start + len(self._text)
        added = "\n" * (element.start - end) + element.text
        found = [end + place for place in counter.places(added)]
        bounded = list(_bounded(found, end + len(added), None if self.places else end))
        self.true_places = self.true_places and len(bounded) == len(found)
        self.places += bounded
        self._text += added
        self._notes.append((element.start, chunk_facts.noted(element, element.text)))
        self.held_bytes += len(added.encode()) + _bytes_of(self._notes[-1][1])

    def places_between(self, begin: int, end: int) -> int:
        """How many places are in [begin, end)."""
        return bisect_left(self.places, end) - bisect_left(self.places, begin)

    def border(self, count: int) -> int:
        """The most tokens up to `count` behind which no character is parted; the fewest more where there are none."""
        for fewer in range(count, 0, -1):
            if self._is_border(fewer):
                return fewer
        return next(more for more in range(count, len(self.places) + 1) if self._is_border(more))

    def _is_border(self, count: int) -> bool:
        if count == len(self.places):
            return True
        place = self.places[count]
        if place == self.places[count - 1]:
            return False
        return borders.between_characters(self._text, place - self._start) == place - self._start

    def refine(self, taken: int) -> bool:
        """Parts the first token's text in two; False where it is one character."""
        begin, end = self.places[0], self._end_of(taken)
        if end - begin < 2:
            return False
        self.places[:taken] = [begin, begin + (end - begin) // 2]
        self.true_places = False
        return True

    def text_of(self, taken: int) -> str:
        """The first tokens' text without outer white space."""
        return self._text[self.places[0] - self._start : self._end_of(taken) - self._start].strip()

    def is_fresh(self, taken: int) -> bool:
        """Whether anything visible in the first tokens is in no chunk yet."""
        begin = self._end_of(self._fresh)
        return bool(self._text[begin - self._start : self._end_of(taken) - self._start].strip())

    def begin_of(self, taken: int) -> int:
        """Offset of `text_of`."""
        text = self._text[self.places[0] - self._start : self._end_of(taken) - self._start]
        return self.places[0] + len(text) - len(text.lstrip())

    def _end_of(self, taken: int) -> int:
        return self.places[taken] if taken < len(self.places) else self._start + len(self._text)

    def notes_of(self, begin: int, end: int) -> list[Note]:
        """Notes of the elements that stand in [begin, end)."""
        starts = [start for start, _ in self._notes]
        first = max(0, bisect_left(starts, begin + 1) - 1)
        return [note for _, note in self._notes[first : bisect_left(starts, end)]]

    def cut(self, taken: int, overlap: int, begin: int) -> None:
        """Lets go of the first tokens but for the last `overlap` of them; of what is at `begin` in any case."""
        kept = max(1, taken - overlap) if taken < len(self.places) else taken
        while kept < taken and (self.places[kept] <= begin or not self._is_border(kept)):
            kept += 1
        self._fresh = taken - kept
        begin = self._end_of(kept)
        del self.places[:kept]
        self.held_bytes -= len(self._text[: begin - self._start].encode())
        self._text, self._start = self._text[begin - self._start :], begin
        while len(self._notes) > 1 and self._notes[1][0] <= begin:
            self.held_bytes -= _bytes_of(self._notes.pop(0)[1])

    def state(self) -> dict[str, Any]:
        """The run as JSON."""
        steps = [after - before for before, after in pairwise([self._start, *self.places])]
        notes = [[start, each.kind, each.page, each.boxes, each.path] for start, each in self._notes]
        return {"text": self._text, "start": self._start, "fresh": self._fresh, "steps": steps, "notes": notes}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "_Run":
        """Reads `state` back."""
        run = cls()
        run.true_places = False
        run._text, run._start, run._fresh = str(state["text"]), int(state["start"]), int(state["fresh"])
        place = run._start
        for step in state["steps"]:
            place += int(step)
            run.places.append(place)
        run._notes = [(int(start), Note(*rest)) for start, *rest in state["notes"]]
        run.held_bytes = len(run._text.encode()) + sum(_bytes_of(note) for _, note in run._notes)
        return run


def _bytes_of(note: Note) -> int:
    return 40 + 60 * len(note.boxes)


def _bounded(places: list[int], end: int, first: int | None) -> Iterator[int]:
    """The places, with more of them where a token has too many characters; beginning at `first` if given."""
    if first is not None:
        places = [first, *places[1:]] if places else [first]
    for place, following in pairwise([*places, end]):
        yield place
        if following - place > CHARACTERS_PER_TOKEN:
            yield from range(place + CHARACTERS_PER_TOKEN, following, CHARACTERS_PER_TOKEN)
