"""What unstructured leaves out of a slide: texts off its edge, charts, diagrams, notes, comments."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lorekeep_parser.readers import elements, rows
from lorekeep_parser.readers.elements import Element
from lorekeep_parser.readers.office import charts
from lorekeep_parser.readers.office.office_packages import Package, attribute, local
from lorekeep_parser.readers.office.word_notes import diagram_texts

_MAX_DEPTH = 32
_MAX_SHAPES = 20_000


def elements_of(slide: Any, page: int, found: Iterable[Element], package: Package) -> Iterator[Element]:
    """What of a slide is not `found` yet; notes and comments last."""
    seen = Counter(_flat(line) for each in found for line in each.text.split("\n"))
    shapes = sorted(_shapes(slide.shapes, 0, _MAX_SHAPES), key=lambda each: (each.top or 0, each.left or 0))
    for shape in shapes:
        for each in _of_shape(shape, page, package):
            lines = [line for line in each.text.split("\n") if not _taken(seen, line)]
            if lines:
                each.text = "\n".join(lines)
                yield each
    for text in _notes(slide):
        yield elements.text(text, page)
    for text in _comments(slide, package):
        yield elements.text(text, page)


def _flat(text: str) -> str:
    return "".join(text.split())


def _taken(seen: Counter[str], line: str) -> bool:
    """Whether a line was found before; each time counts once."""
    key = _flat(line)
    if seen[key] > 0:
        seen[key] -= 1
        return True
    return not key


def _shapes(shapes: Any, depth: int, left: int) -> list[Any]:
    """Shapes of a slide, those inside of groups too."""
    found: list[Any] = []
    for shape in shapes:
        if len(found) >= left:
            break
        if hasattr(shape, "shapes") and depth < _MAX_DEPTH:
            found += _shapes(shape.shapes, depth + 1, left - len(found))
        else:
            found.append(shape)
    return found


def _of_shape(shape: Any, page: int, package: Package) -> Iterator[Element]:
    if getattr(shape, "has_chart", False):
        yield from charts.elements_of(shape.chart.part._element, page)
    elif getattr(shape, "has_table", False):
        yield from rows.tables(([cell.text for cell in row.cells] for row in shape.table.rows), page)
    elif getattr(shape, "has_text_frame", False):
        title = shape.is_placeholder and shape.placeholder_format.type in _titles()
        for each in shape.text_frame.paragraphs:
            yield elements.heading(each.text, 1, page) if title else elements.text(each.text, page)
    else:
        yield from _drawn(shape, page, package)


def _titles() -> tuple[Any, ...]:
    from pptx.enum.shapes import PP_PLACEHOLDER

    return PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE


def _drawn(shape: Any, page: int, package: Package) -> Iterator[Element]:
    """The texts of a diagram, and the words that stand for a picture."""
    for each in shape._element.iter("{*}relIds"):
        relation = shape.part.rels.get(attribute(each, "dm"))
        if relation is not None and not relation.is_external:
            root = package.tree(str(relation.target_part.partname).lstrip("/"))
            yield from (elements.text(text, page) for text in ([] if root is None else diagram_texts(root)))
    for each in shape._element.iter("{*}cNvPr"):
        described = each.get("descr", "").strip()
        if described and local(shape._element) == "pic":
            yield elements.Element(kind=elements.Kind.ELEMENT_KIND_CAPTION, text=described, page=page)


def _notes(slide: Any) -> Iterator[str]:
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
        yield from (each.text for each in frame.paragraphs)


def _comments(slide: Any, package: Package) -> Iterator[str]:
    """Comments of either kind that PowerPoint has written."""
    for member in package.related(str(slide.part.partname).lstrip("/"), "comments"):
        root = package.tree(member)
        for each in () if root is None else root.iter("{*}cm", "{*}reply"):
            body = [part for part in each if local(part) in ("text", "txBody")]
            texts = [part.text or "" for top in body for part in top.iter("{*}text", "{*}t")]
            if text := "".join(texts).strip():
                yield f"Comment: {text}"
