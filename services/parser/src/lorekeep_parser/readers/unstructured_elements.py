"""What `unstructured` gives, as our elements. The library is called inside `reading`, which types its failures."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import lxml.html

from lorekeep_chassis.errors import LorekeepError, UnsupportedMedia
from lorekeep_parser import failures
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.sandbox.needs import ElsewhereError

_KINDS = {
    "Title": Kind.ELEMENT_KIND_HEADING,
    "ListItem": Kind.ELEMENT_KIND_LIST_ITEM,
    "Table": Kind.ELEMENT_KIND_TABLE,
    "FigureCaption": Kind.ELEMENT_KIND_CAPTION,
    "Header": Kind.ELEMENT_KIND_PAGE_HEADER,
    "Footer": Kind.ELEMENT_KIND_PAGE_FOOTER,
    "PageNumber": Kind.ELEMENT_KIND_PAGE_FOOTER,
    "CodeSnippet": Kind.ELEMENT_KIND_CODE,
}
# Asked for no language, the library detects none; ours is told once for the whole document.
OPTIONS: dict[str, Any] = {"languages": [""], "detect_language_per_element": False}
_MAX_TABLE_HTML = 262_144
# A disk that is full, or memory that cannot be had: no fault of the document.
_OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Runs the library inside: what it raises about a document means that the document is damaged."""
    try:
        yield
    except (LorekeepError, ElsewhereError, MemoryError):
        raise
    except OSError as error:
        if error.errno in _OF_THE_MACHINE:
            raise
        raise failures.corrupt(what) from error
    except ImportError as error:
        raise UnsupportedMedia(
            "The parser was installed without the library that reads this format. Tell your operator.",
            reason="reader_missing",
        ) from error
    except Exception as error:  # a tower of libraries: they raise whatever a damaged file leads them to
        raise failures.corrupt(what) from error


def converted(found: Iterable[Any], page: int | None = None) -> Iterator[Element]:
    """Our elements for unstructured's. `page` replaces the page that it says."""
    for each in found:
        number = (each.metadata.page_number or 0) if page is None else page
        element = _element(each, number)
        if element is not None:
            yield element


def _element(each: Any, page: int) -> Element | None:
    if each.category == "PageBreak":
        return None
    kind = _KINDS.get(each.category, Kind.ELEMENT_KIND_TEXT)
    if kind == Kind.ELEMENT_KIND_TABLE and each.metadata.text_as_html:
        return table_of(each.metadata.text_as_html, page)
    element = Element(kind=kind, text=each.text or "", page=page)
    if kind == Kind.ELEMENT_KIND_HEADING:
        element.level = (each.metadata.category_depth or 0) + 1
    return element


def table_of(html: str, page: int) -> Element | None:
    """A table element: rows as lines of cells, HTML kept."""
    rows = lxml.html.fromstring(html).iter("tr")
    lines = [elements.row_text([cell.text_content() for cell in row.iter("td", "th")]) for row in rows]
    lines = [each for each in lines if each]
    if not lines:
        return None
    return elements.table(lines, page, html if len(html) <= _MAX_TABLE_HTML else "<table></table>")
