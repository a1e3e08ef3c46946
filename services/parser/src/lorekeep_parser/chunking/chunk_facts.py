"""What a chunk says of itself beside its text: pages, boxes, kind, headings."""

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.chunking.pieces import Kind, Note

FURNITURE = frozenset({Kind.ELEMENT_KIND_PAGE_HEADER, Kind.ELEMENT_KIND_PAGE_FOOTER})
_MAX_BOXES = 64


def noted(element: document_pb2.Element, title: str) -> Note:
    """What chunks need to know of an element; `title` is what it is called where it is a heading."""
    path = list(element.heading_path)
    if element.kind == Kind.ELEMENT_KIND_HEADING:
        path.append(title)
    return Note(element.kind, element.page, [_sides(each) for each in element.boxes], path)


def chunk(ordinal: int, text: str, start: int, notes: list[Note], tokens: int) -> document_pb2.Chunk:
    """A chunk of elements with these notes, in order."""
    pages = [each.page for each in notes]
    return document_pb2.Chunk(
        ordinal=ordinal,
        text=text,
        start=start,
        end=start + len(text),
        page=pages[0],
        page_end=max(pages),
        heading_path=_path(notes),
        kind=_common_kind(notes),
        boxes=_boxes(notes),
        token_count=tokens,
    )


def _path(notes: list[Note]) -> list[str]:
    """Headings above where the passage begins: behind the headings that open it."""
    return next((each.path for each in notes if each.kind != Kind.ELEMENT_KIND_HEADING), notes[-1].path)


def _common_kind(notes: list[Note]) -> document_pb2.ElementKind:
    """The kind of what stands below the headings; that of the headings where there is nothing else."""
    kinds = {each.kind for each in notes if each.kind != Kind.ELEMENT_KIND_HEADING}
    if not kinds:
        return Kind.ELEMENT_KIND_HEADING
    return kinds.pop() if len(kinds) == 1 else Kind.ELEMENT_KIND_TEXT


def _sides(box: document_pb2.BoundingBox) -> list[float]:
    return [box.page, box.left, box.top, box.right, box.bottom]


def _boxes(notes: list[Note]) -> list[document_pb2.BoundingBox]:
    """The boxes of the elements; where they are very many, one for each page around all of them."""
    sides = [each for note in notes for each in note.boxes]
    if len(sides) > _MAX_BOXES:
        sides = _around(sides)
    return [document_pb2.BoundingBox(page=int(p), left=a, top=b, right=c, bottom=d) for p, a, b, c, d in sides]


def _around(sides: list[list[float]]) -> list[list[float]]:
    of_page: dict[float, list[float]] = {}
    for page, left, top, right, bottom in sides:
        seen = of_page.setdefault(page, [page, left, top, right, bottom])
        seen[1:] = [min(seen[1], left), min(seen[2], top), max(seen[3], right), max(seen[4], bottom)]
    return list(of_page.values())[:_MAX_BOXES]
