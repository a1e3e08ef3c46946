"""Elements as readers make them."""

from collections.abc import Iterable, Sequence
from html import escape

from lorekeep.document.v1 import document_pb2

Kind = document_pb2.ElementKind
Element = document_pb2.Element


def text(content: str, page: int = 0) -> Element:
    """A paragraph."""
    return Element(kind=Kind.ELEMENT_KIND_TEXT, text=content, page=page)


def heading(content: str, level: int, page: int = 0) -> Element:
    """A heading of a level from 1."""
    return Element(kind=Kind.ELEMENT_KIND_HEADING, text=content, level=level, page=page)


def front_matter(fields: Iterable[tuple[str, str]]) -> Element:
    """Fields about the document, one a line; blank ones are left out."""
    lines = "\n".join(f"{name}: {' '.join(value.split())}" for name, value in fields if value.strip())
    return Element(kind=Kind.ELEMENT_KIND_FRONT_MATTER, text=lines)


def cell(value: str) -> str:
    """A cell's text on one line."""
    return " ".join(value.split())


def row_text(cells: Sequence[str]) -> str:
    """A row as a line: cells parted by tabs."""
    return "\t".join(map(cell, cells)).rstrip()


def table(lines: Sequence[str], page: int, html: str) -> Element:
    """Rows as lines. A table that goes on in a further element has its HTML in the first only."""
    return Element(kind=Kind.ELEMENT_KIND_TABLE, text="\n".join(lines), page=page, html=html)


def header_html(cells: Sequence[str]) -> str:
    """A table's header as HTML; the rows of a long table are in its text."""
    return f"<table><thead><tr>{''.join(f'<th>{escape(cell(each))}</th>' for each in cells)}</tr></thead></table>"


def table_html(rows: Sequence[Sequence[str]]) -> str:
    """A table with its first row as the header."""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell(each))}</td>' for each in row)}</tr>" for row in rows[1:])
    return f"{header_html(rows[0]).removesuffix('</table>')}<tbody>{body}</tbody></table>"
