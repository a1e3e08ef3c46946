"""Jupyter notebooks: prose as Markdown, programs and their printed results as code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, property_fields
from lorekeep_parser.readers.markup.html_flow import html_elements
from lorekeep_parser.readers.markup.html_head import Head
from lorekeep_parser.readers.markup.markdown import markdown_elements

_MAX_OUTPUT_CHARACTERS = 100_000


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "NotebookReader":
    """Reads a notebook; `corrupt` where its JSON is none."""
    try:
        told = json.loads(decoding.decoded(path.read_bytes())[0])
    except (ValueError, RecursionError) as error:
        raise failures.corrupt("notebook") from error
    return NotebookReader(told if isinstance(told, dict) else {})


class NotebookReader:
    """One page of cells."""

    media_type = Media.NOTEBOOK.value
    route = "notebook"
    pages_total = 1

    def __init__(self, told: dict[str, Any]) -> None:
        self.properties = document_pb2.Properties()
        self._told = told
        metadata = told.get("metadata")
        if isinstance(metadata, dict):
            title, authors = metadata.get("title"), metadata.get("authors")
            names = (
                [each.get("name") for each in authors if isinstance(each, dict)] if isinstance(authors, list) else []
            )
            property_fields.tell(
                self.properties,
                title=title if isinstance(title, str) else "",
                authors=[each for each in names if isinstance(each, str)],
            )

    def pages(self, first: int) -> Iterator[Page]:
        """The whole notebook."""
        if first == 0:
            page = Page(())
            page.elements = self._elements(page)
            yield page

    def _elements(self, page: Page) -> Iterator[elements.Element]:
        for cell in self._cells():
            kind, source = cell.get("cell_type"), _joined(cell.get("source", cell.get("input")))
            if kind == "markdown":
                yield from markdown_elements(source)
            elif kind == "heading":
                level = cell.get("level")
                yield elements.heading(source, level if isinstance(level, int) and 0 < level < 7 else 1)
            elif kind == "code":
                yield _code(source)
                yield from _outputs(cell.get("outputs"), page)
            else:
                yield elements.text(source)

    def _cells(self) -> Iterator[dict[str, Any]]:
        """Cells of this version of the format, or of the one that had worksheets."""
        sheets = self._told.get("worksheets")
        holders = [self._told, *(sheets if isinstance(sheets, list) else [])]
        for holder in holders:
            cells = holder.get("cells") if isinstance(holder, dict) else None
            yield from (each for each in (cells if isinstance(cells, list) else []) if isinstance(each, dict))


def _outputs(outputs: Any, page: Page) -> Iterator[elements.Element]:
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        found = data if isinstance(data, dict) else output
        if html := _joined(found.get("text/html")):
            yield from html_elements(html, 0, Head())
            continue
        if markdown := _joined(found.get("text/markdown")):
            yield from markdown_elements(markdown)
            continue
        text = _joined(found.get("text/plain")) or _joined(output.get("text")) or _joined(output.get("evalue"))
        if len(text) > _MAX_OUTPUT_CHARACTERS:
            text = text[:_MAX_OUTPUT_CHARACTERS]
            page.truncations += 1
            page.warnings.append("outputs_cut: printed results of more than 100,000 characters were cut there")
        yield _code(text)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _code(text: str) -> elements.Element:
    return elements.Element(kind=elements.Kind.ELEMENT_KIND_CODE, text=text)
