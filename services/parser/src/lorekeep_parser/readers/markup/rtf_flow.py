"""The walk over an RTF's tokens. Groups are kept on a list, so that their depth costs nothing but memory."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.markup import rtf_words

_TOKEN = re.compile(
    r"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z'])|([{}])|[\r\n\x00]++|([^\\{}\r\n\x00]++)"
)
_TABLE_ROWS = 200
_MAX_INFO_CHARACTERS = 4096
_HEADING_STYLE = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop|rubrik) ?([1-9])", re.IGNORECASE)
_PAGE_KINDS = {
    **dict.fromkeys(rtf_words.HEADERS, Kind.ELEMENT_KIND_PAGE_HEADER),
    **dict.fromkeys(rtf_words.FOOTERS, Kind.ELEMENT_KIND_PAGE_FOOTER),
}
_PLACES = rtf_words.SKIPPED | rtf_words.NOTES | {"info", *_PAGE_KINDS}


@dataclass(frozen=True)
class _Group:
    """What holds until the group ends. `into` names where its text goes: "" is the document."""

    into: str = ""
    encoding: str = ""
    skip_after_unicode: int = 1
    hidden: bool = False


class RtfFlow:
    """`elements` reads the document once; `info` is whole behind it."""

    def __init__(self, text: str) -> None:
        self.info: dict[str, str] = {}
        self._text = text
        self._made: deque[Element] = deque()
        self._groups: list[_Group] = []
        self._group = _Group()
        self._optional = False
        self._default = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._styles: dict[int, int] = {}
        self._style = 0
        # Text by where it goes; bytes wait until the encoding or the place changes, since characters may have two.
        self._texts: dict[str, list[str]] = {}
        self._bytes = bytearray()
        self._left_to_skip = 0
        self._level = 0
        self._listed = self._in_table = False
        self._row: list[str] = []
        self._table: list[str] = []
        self._table_goes_on = False
        # Notes come behind the paragraph that they stand in.
        self._notes: list[Element] = []

    def elements(self) -> Iterator[Element]:
        """The elements in order."""
        place = 0
        while match := _TOKEN.match(self._text, place) or _TOKEN.search(self._text, place):
            place = match.end()
            place += self._token(match)
            while self._made:
                yield self._made.popleft()
        self._end_paragraph()
        self._end_row()
        self._end_table()
        yield from self._made

    def _token(self, match: re.Match[str]) -> int:
        """Takes a token; gives how many characters of binary data follow it."""
        word, number, code, sign, brace, text = match.groups()
        if word:
            return self._word(word, int(number) if number else None)
        if code:
            self._put_bytes(bytes((int(code, 16),)))
        elif brace == "{":
            self._decode()
            self._groups.append(self._group)
        elif brace:
            self._end_group()
        elif sign:
            self._sign(sign)
        elif text:
            self._put_bytes(text.encode("latin-1"))
        return 0

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._optional = True
        elif sign in "\r\n":
            self._word("par", None)
        elif sign in "{}\\":
            self._put_bytes(sign.encode())
        else:
            self._put(rtf_words.SIGNS.get(sign, ""))

    def _end_group(self) -> None:
        self._decode()
        ended, self._group = self._group, self._groups.pop() if self._groups else _Group()
        self._optional = False
        self._left_to_skip = 0
        if ended.into != self._group.into:
            self._end_text(ended.into)

    def _word(self, word: str, number: int | None) -> int:
        optional, self._optional = self._optional, False
        if word == "bin":
            return max(0, number or 0)
        if word == "u":
            self._put_unicode(number or 0)
        elif word in rtf_words.SIGNS:
            self._put(rtf_words.SIGNS[word])
        elif self._destination(word, optional):
            self._decode()
        elif not self._group.into or self._group.into in rtf_words.NOTES or self._group.into in _PAGE_KINDS:
            self._shape(word, number)
        elif self._group.into in ("creatim", "revtim") and word in ("yr", "mo", "dy"):
            self._texts.setdefault(self._group.into, []).append(f"{number or 0:02}")
        elif self._group.into in ("fonttbl", "stylesheet"):
            self._declare(word, number)
        self._set(word, number)
        return 0

    def _destination(self, word: str, optional: bool) -> bool:
        """Whether the word names where the text of its group goes."""
        group = self._group
        if word in rtf_words.SHOWN:
            self._group = replace(group, into="shptxt" if word == "shptxt" else "")
        elif (
            word in rtf_words.SKIPPED
            or (word in rtf_words.INFO and group.into == "info")
            or word == "info"
            or word in rtf_words.NOTES
            or word in _PAGE_KINDS
        ):
            self._group = replace(group, into=word)
        elif optional and word not in ("fldrslt", "cs", "ds"):
            self._group = replace(group, into="unknown")
        else:
            return False
        return True

    def _declare(self, word: str, number: int | None) -> None:
        """Fonts with their character set, styles with their name."""
        if word == "f":
            self._font = number or 0
        elif word == "fcharset":
            self._fonts[self._font] = rtf_words.of_charset(number or 0)
        elif word in ("s", "cs", "ds"):
            self._style = number or 0 if word == "s" else -1

    def _set(self, word: str, number: int | None) -> None:
        """What holds for the group from here on."""
        if word == "uc":
            self._group = replace(self._group, skip_after_unicode=min(max(number or 0, 0), 64))
        elif word == "ansicpg":
            self._default = rtf_words.of_code_page(number or 0)
        elif (family := rtf_words.of_family(word)) is not None:
            self._default = family
        elif word == "f":
            self._decode()
            self._group = replace(self._group, encoding=self._fonts.get(number or 0, ""))
        elif word == "plain":
            self._decode()
            self._group = replace(self._group, encoding="")

    def _shape(self, word: str, number: int | None) -> None:
        """Paragraphs, rows and what they are."""
        if word in ("par", "sect", "page"):
            self._decode()
            self._end_text(self._group.into, ended=True)
        elif word in ("cell", "nestcell"):
            self._decode()
            self._row.append(self._taken(""))
        elif word in ("row", "nestrow"):
            self._end_row()
        elif word == "pard":
            self._level, self._listed, self._in_table = 0, False, False
        elif word == "intbl":
            self._in_table = True
        elif word == "s":
            self._level = self._styles.get(number or 0, 0)
        elif word == "outlinelevel":
            self._level = (number or 0) + 1 if (number or 0) < 9 else 0
        elif word in ("ls", "pnlvlblt", "pnlvlbody", "pn"):
            self._listed = word != "ls" or bool(number)

    def _put_unicode(self, number: int) -> None:
        self._decode()
        self._put(chr(number % 0x10000) if -0x8000 <= number <= 0x10FFFF else "\ufffd")
        self._left_to_skip = self._group.skip_after_unicode

    def _put_bytes(self, data: bytes) -> None:
        if self._left_to_skip:
            skipped = min(self._left_to_skip, len(data))
            self._left_to_skip -= skipped
            data = data[skipped:]
        self._bytes += data

    def _put(self, text: str) -> None:
        self._decode()
        self._left_to_skip = 0
        self._texts.setdefault(self._group.into, []).append(text)

    def _decode(self) -> None:
        if not self._bytes:
            return
        data, self._bytes = bytes(self._bytes), bytearray()
        into = self._group.into
        if into in rtf_words.SKIPPED and into != "stylesheet":
            return
        text = data.decode(self._group.encoding or self._default, "replace")
        self._texts.setdefault(into, []).append(text)
        if into == "stylesheet" and (found := _HEADING_STYLE.match(text.strip())) and self._style >= 0:
            self._styles[self._style] = int(found[1])

    def _taken(self, into: str) -> str:
        """The text that went there, with halves of surrogate pairs joined."""
        text = "".join(self._texts.pop(into, ()))
        return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _end_text(self, into: str, ended: bool = False) -> None:
        """A paragraph or a group's text is whole."""
        if into == "":
            if ended:
                self._end_paragraph()
        elif into in rtf_words.INFO:
            self._note_info(into)
        elif into in _PAGE_KINDS or into in rtf_words.NOTES:
            text = self._taken(into)
            if into in _PAGE_KINDS:
                self._made.append(Element(kind=_PAGE_KINDS[into], text=text))
            else:
                self._notes.append(elements.text(text))
        else:
            self._texts.pop(into, None)

    def _note_info(self, into: str) -> None:
        pieces = self._texts.get(into, [])
        dated = into in ("creatim", "revtim")
        text = "-".join(pieces[:3]) if dated else "".join(pieces)
        self._texts.pop(into, None)
        self.info[into] = text.strip()[:_MAX_INFO_CHARACTERS]

    def _end_paragraph(self) -> None:
        self._decode()
        if self._in_table:
            # Paragraphs of one cell; the cell's own end takes them.
            self._texts.setdefault("", []).append("\n")
            return
        self._end_row()
        self._end_table()
        text = self._taken("")
        if text.strip() and self._level:
            self._made.append(elements.heading(text, self._level))
        elif text.strip():
            kind = Kind.ELEMENT_KIND_LIST_ITEM if self._listed else Kind.ELEMENT_KIND_TEXT
            self._made.append(Element(kind=kind, text=text))
        self._made.extend(self._notes)
        self._notes.clear()

    def _end_row(self) -> None:
        row, self._row = self._row, []
        if line := elements.row_text(row):
            self._table.append(line)
        if len(self._table) >= _TABLE_ROWS:
            self._give_rows()
            self._table_goes_on = True

    def _end_table(self) -> None:
        self._give_rows()
        self._table_goes_on = False

    def _give_rows(self) -> None:
        table, self._table = self._table, []
        if table:
            html = "" if self._table_goes_on else elements.header_html(table[0].split("\t"))
            self._made.append(elements.table(table, 0, html))
