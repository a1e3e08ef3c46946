"""What stands at the top and the bottom of an OpenDocument's pages: its styles hold it, once for each kind of page."""

from collections.abc import Mapping

from lorekeep_parser.readers.elements import Element, Kind

_PLACES = {
    f"style:{name}{variant}": kind
    for name, kind in (("header", Kind.ELEMENT_KIND_PAGE_HEADER), ("footer", Kind.ELEMENT_KIND_PAGE_FOOTER))
    for variant in ("", "-left", "-first")
}
_PARAGRAPHS = ("text:p", "text:h")
_SPACES = ("text:s", "text:tab", "text:line-break")
# A number that every page has another of says nothing.
_FIELDS = ("text:page-number", "text:page-count")
_MOST = 100


class Furniture:
    """Takes the events of styles.xml; the same line is told once."""

    def __init__(self) -> None:
        self.headers: list[Element] = []
        self.footers: list[Element] = []
        self._kind: Kind | None = None
        self._pieces: list[str] = []
        self._in_field = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if name in _PLACES:
            self._kind, self._pieces = _PLACES[name], []
        elif name in _SPACES:
            self._pieces.append(" ")
        self._in_field = name in _FIELDS

    def end(self, name: str) -> None:
        """An element ends."""
        self._in_field = False
        if self._kind is None:
            return
        if name in _PARAGRAPHS:
            self._put(self._kind)
        elif name in _PLACES:
            self._kind = None

    def data(self, text: str) -> None:
        """Text."""
        if self._kind is not None and not self._in_field:
            self._pieces.append(text)

    def _put(self, kind: Kind) -> None:
        text, self._pieces = " ".join("".join(self._pieces).split()), []
        found = self.headers if kind == Kind.ELEMENT_KIND_PAGE_HEADER else self.footers
        if text and len(found) < _MOST and all(each.text != text for each in found):
            found.append(Element(kind=kind, text=text))
