"""What a Word document keeps in parts of their own: footnotes, endnotes, comments, charts and diagrams."""

from collections.abc import Iterator
from typing import Any

from lorekeep_parser.page import Page
from lorekeep_parser.readers.office import charts
from lorekeep_parser.readers.office.office_packages import MAX_TREE_BYTES, Package, attribute, local
from lorekeep_parser.readers.office.word_text import paragraphs

_KINDS = {"footnoteReference": "footnotes", "endnoteReference": "endnotes", "commentReference": "comments"}
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")
_MAX_DRAWN = 200


class Notes:
    """Texts by the reference that stands for them. Each is given once."""

    def __init__(self, package: Package, main: str, page: Page) -> None:
        self._package = package
        self._relations = package.relations(main)
        self._page = page
        self._texts: dict[tuple[str, str], list[str]] = {}
        for kind in _KINDS.values():
            for member in package.related(main, kind):
                self._note(kind, member)
        self._drawn = 0

    def _note(self, kind: str, member: str) -> None:
        if self._package.size(member) > MAX_TREE_BYTES:
            self._page.warnings.append(f"{kind}_left_out: the document's {kind} are too large to be read")
            self._page.truncations += 1
            return
        for each in self._package.tree(member):
            if attribute(each, "type") in _SEPARATORS:
                continue
            author = attribute(each, "author") if kind == "comments" else ""
            lines = [line for line in paragraphs(each) if line.strip()]
            if lines and kind == "comments":
                lines[0] = f"Comment by {author[:200]}: {lines[0]}" if author else f"Comment: {lines[0]}"
            self._texts[kind, attribute(each, "id")] = lines

    def behind(self, paragraph: Any) -> Iterator[str]:
        """Lines of what a paragraph refers to."""
        for each in paragraph.iter():
            name = local(each)
            if name in _KINDS:
                yield from self._texts.pop((_KINDS[name], attribute(each, "id")), ())
            elif name == "chart":
                yield from self._chart(attribute(each, "id"))
            elif name == "relIds":
                yield from self._diagram(attribute(each, "dm"))

    def _tree(self, relation: str, kind: str) -> Any:
        found, member = self._relations.get(relation, ("", ""))
        self._drawn += 1
        if found != kind or self._drawn > _MAX_DRAWN or self._package.size(member) > MAX_TREE_BYTES:
            return None
        return self._package.tree(member)

    def _chart(self, relation: str) -> Iterator[str]:
        root = self._tree(relation, "chart")
        for each in () if root is None else charts.elements_of(root, 0):
            yield from each.text.split("\n")

    def _diagram(self, relation: str) -> Iterator[str]:
        root = self._tree(relation, "diagramData")
        if root is not None:
            yield from diagram_texts(root)


def diagram_texts(root: Any) -> Iterator[str]:
    """The texts of a diagram's points."""
    for point in root.iter("{*}pt"):
        for each in point.iter("{*}p"):
            text = "".join(part.text or "" for part in each.iter("{*}t"))
            if text.strip():
                yield text
