"""Markup that people read as it stands: headings, lists and code are told apart, and every character stays.

reStructuredText, Org, AsciiDoc and LaTeX, each by a shape: how a heading, a list item and a passage of code look.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lorekeep_parser.formats.media import Media
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element, Kind

_UNDERLINE = re.compile(r"([=\-`:'\"~^_*+#<>.])\1{2,}[ \t]*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+.]{1,5}|\d{1,3}[.)]|#\.)[ \t]+\S")
_CODE_DIRECTIVE = re.compile(r"[ \t]*\.\. (?:code|code-block|sourcecode|parsed-literal|math|prompt)::")
_LATEX_LEVELS = {"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "title": 1}


@dataclass(frozen=True)
class Shape:
    """A markup. `heading` has the groups `mark` and `text`; `fence` opens code and `unfence` ends it."""

    heading: re.Pattern[str] | None = None
    fence: re.Pattern[str] | None = None
    unfence: re.Pattern[str] | None = None
    underlined: bool = False


MARKDOWN = Shape(
    heading=re.compile(r" {0,3}(?P<mark>#{1,6})[ \t]+(?P<text>\S.*)"),
    fence=re.compile(r" {0,3}(?:`{3,}|~{3,})[^`]*"),
    unfence=re.compile(r" {0,3}(?:`{3,}|~{3,})[ \t]*"),
)
SHAPES = {
    Media.RST: Shape(underlined=True),
    Media.ORG: Shape(
        heading=re.compile(r"(?P<mark>\*{1,9})[ \t]+(?P<text>\S.*)"),
        fence=re.compile(r"[ \t]*#\+begin_(?:src|example)\b.*", re.IGNORECASE),
        unfence=re.compile(r"[ \t]*#\+end_(?:src|example)\b.*", re.IGNORECASE),
    ),
    Media.ASCIIDOC: Shape(
        heading=re.compile(r"(?P<mark>={1,6})[ \t]+(?P<text>\S.*)"),
        fence=re.compile(r"(?:-{4,}|\.{4,})[ \t]*"),
        unfence=re.compile(r"(?:-{4,}|\.{4,})[ \t]*"),
    ),
    Media.LATEX: Shape(
        heading=re.compile(
            r"[ \t]*\\(?P<mark>part|chapter|section|subsection|subsubsection|title)\*?\{(?P<text>[^{}]+)\}[ \t]*"
        ),
        fence=re.compile(r"[ \t]*\\begin\{(?:verbatim|lstlisting|minted)\}.*"),
        unfence=re.compile(r"[ \t]*\\end\{(?:verbatim|lstlisting|minted)\}.*"),
    ),
}


def _opens_code(line: str) -> bool:
    """In reStructuredText two colons open code, but for directives that hold something else."""
    return bool(_CODE_DIRECTIVE.match(line)) or (line.rstrip().endswith("::") and not line.lstrip().startswith(".."))


def read(text: str, shape: Shape) -> Iterator[Element]:
    """The elements of a text."""
    return _Walk(text.split("\n"), shape).elements()


class _Walk:
    """Line after line; `levels` are the signs that headings were underlined with, in the order they came."""

    def __init__(self, lines: list[str], shape: Shape) -> None:
        self._lines = lines
        self._shape = shape
        self._held: list[str] = []
        self._levels: list[str] = []

    def elements(self) -> Iterator[Element]:
        number = 0
        while number < len(self._lines):
            line = self._lines[number]
            if not line.strip():
                yield from self._taken()
                number += 1
            elif found := self._heading(number):
                yield from self._taken()
                element, number = found
                yield element
            elif self._shape.fence and self._shape.fence.fullmatch(line):
                yield from self._taken()
                number = self._fenced(number)
                yield from self._taken(Kind.ELEMENT_KIND_CODE)
            elif self._shape.underlined and _opens_code(line):
                self._held.append(line)
                yield from self._taken()
                number = self._indented(number + 1)
                yield from self._taken(Kind.ELEMENT_KIND_CODE)
            else:
                self._held.append(line)
                number += 1
        yield from self._taken()

    def _heading(self, number: int) -> tuple[Element, int] | None:
        """The heading that begins at a line, with the line behind it."""
        if self._shape.underlined:
            return self._underlined(number)
        match = self._shape.heading.fullmatch(self._lines[number]) if self._shape.heading else None
        if match is None:
            return None
        level = _LATEX_LEVELS.get(match["mark"], len(match["mark"]))
        return elements.heading(match["text"], level), number + 1

    def _underlined(self, number: int) -> tuple[Element, int] | None:
        line, below, second = (self._line(number + offset) for offset in range(3))
        if self._held:
            return None
        if _UNDERLINE.fullmatch(below) and not _UNDERLINE.fullmatch(line) and len(below) >= min(len(line.strip()), 4):
            return elements.heading(line.strip(), self._level(below[0])), number + 2
        framed = _UNDERLINE.fullmatch(line) and below.strip() and second.rstrip() == line.rstrip()
        if framed:
            return elements.heading(below.strip(), self._level(line[0] * 2)), number + 3
        return None

    def _level(self, sign: str) -> int:
        if sign not in self._levels:
            self._levels.append(sign)
        return self._levels.index(sign) + 1

    def _line(self, number: int) -> str:
        return self._lines[number] if number < len(self._lines) else ""

    def _fenced(self, number: int) -> int:
        """Holds the lines of a passage of code; gives the line behind it."""
        assert self._shape.unfence is not None
        self._held.append(self._lines[number])
        for place in range(number + 1, len(self._lines)):
            self._held.append(self._lines[place])
            if self._shape.unfence.fullmatch(self._lines[place]):
                return place + 1
        return len(self._lines)

    def _indented(self, number: int) -> int:
        while number < len(self._lines) and (not self._lines[number].strip() or self._lines[number][0] in " \t"):
            self._held.append(self._lines[number])
            number += 1
        return number

    def _taken(self, kind: Kind = Kind.ELEMENT_KIND_TEXT) -> Iterator[Element]:
        held, self._held = self._held, []
        if not any(map(str.strip, held)):
            return
        if kind == Kind.ELEMENT_KIND_TEXT and len(held) > 1 and all(map(_LIST_ITEM.match, held)):
            yield from (Element(kind=Kind.ELEMENT_KIND_LIST_ITEM, text=line.strip()) for line in held)
            return
        yield Element(kind=kind, text="\n".join(held))
