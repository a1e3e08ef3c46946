"""Which kind of text some text is. Content speaks first; a name decides only among kinds that content allows."""

import csv
import re
from pathlib import Path

from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media, suffix, unsupported
from lorekeep_parser.readers.texts import json_text

_NAMED = {
    ".md": Media.MARKDOWN, ".markdown": Media.MARKDOWN, ".mdown": Media.MARKDOWN, ".mkd": Media.MARKDOWN,
    ".mdx": Media.MARKDOWN, ".qmd": Media.MARKDOWN, ".rmd": Media.MARKDOWN, ".csv": Media.CSV, ".tsv": Media.CSV,
    ".tab": Media.CSV, ".html": Media.HTML, ".htm": Media.HTML, ".xhtml": Media.HTML, ".rst": Media.RST,
    ".org": Media.ORG, ".adoc": Media.ASCIIDOC, ".asciidoc": Media.ASCIIDOC, ".tex": Media.LATEX,
    ".latex": Media.LATEX, ".ltx": Media.LATEX, ".xml": Media.XML,
}  # fmt: skip
# Text about markup is not markup: where a name says text, only what opens with a tag is a page.
_PLAIN = frozenset({".txt", ".text", ".log"})
_PROGRAMS = frozenset({
    ".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".java", ".c", ".h", ".cc", ".cpp", ".hpp",
    ".cs", ".go", ".rs", ".rb", ".php", ".swift", ".kt", ".kts", ".scala", ".sh", ".bash", ".zsh", ".ps1", ".bat",
    ".sql", ".r", ".jl", ".lua", ".pl", ".pm", ".m", ".dart", ".ex", ".exs", ".erl", ".hs", ".clj", ".groovy",
    ".gradle", ".vb", ".f90", ".css", ".scss", ".less", ".vue", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf",
    ".env", ".properties", ".proto", ".graphql", ".tf", ".cmake", ".mk", ".dockerfile",
})  # fmt: skip
_DECLARED = {
    "text/markdown": Media.MARKDOWN, "text/x-markdown": Media.MARKDOWN, "text/csv": Media.CSV,
    "text/tab-separated-values": Media.CSV, "text/x-rst": Media.RST, "text/prs.fallenstein.rst": Media.RST,
    "text/org": Media.ORG, "text/asciidoc": Media.ASCIIDOC, "application/x-latex": Media.LATEX,
    "text/x-tex": Media.LATEX, "text/x-source": Media.CODE, "application/xhtml+xml": Media.HTML,
    "text/html": Media.HTML,
}  # fmt: skip
_MAIL_HEADER = re.compile(
    r"^(From|To|Cc|Subject|Date|MIME-Version|Received|Message-ID|Return-Path|Content-Type|Delivered-To|Reply-To):",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINE = re.compile(r"[!-9;-~]+:[ \t]?.*|[ \t]+\S.*|From .*")
_HTML_START = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_TAG = re.compile(r"</?(p|div|span|table|tr|td|h[1-6]|ul|ol|li|a|br|section|article)\b[^<>]*+>", re.IGNORECASE)
_XML_START = re.compile(r"<([A-Za-z_][\w.-]*+:)?[A-Za-z_][\w.-]*+(\s[^<>]*+)?>")
_NAMESPACE = re.compile(r"\sxmlns(?::\w+)?\s*=|^<(?:svg|rss|feed|rdf:RDF|article|book|kml|gpx|plist|TEI)\b")
_NOTEBOOK = re.compile(r'"(?:cells|worksheets)"\s*:\s*\[')
_NBFORMAT = re.compile(r'"nbformat"\s*:\s*\d')
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_TIMING = re.compile(r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}[ \t]*-->[ \t]*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_LATEX = re.compile(r"^[ \t]*\\(?:documentclass|begin\{document\})", re.MULTILINE)


def of_text(path: Path, head: str, name: str, declared: str) -> Media:
    """The kind of a text that begins with `head`; UnsupportedMedia for what is none."""
    if _binary(head):
        raise unsupported("binary data")
    head = head.lstrip("\ufeff")
    named = _NAMED.get(suffix(name)) or _DECLARED.get(declared)
    found = _of_markup(head, named) or _of_json(path, head, suffix(name)) or _of_subtitles(head)
    if found:
        return found
    if _is_mail(head):
        return Media.EML
    if named is not None and named not in (Media.HTML, Media.XML):
        return named
    if suffix(name) in _PROGRAMS or head.startswith("#!"):
        return Media.CODE
    opens = suffix(name) not in _PLAIN or head.lstrip().startswith("<")
    if opens and len(_HTML_TAG.findall(head, 0, 4096)) >= 10:
        return Media.HTML
    if _LATEX.search(head, 0, 4096):
        return Media.LATEX
    # Prose with as many commas in each line is prose, where its sender says that it is text.
    return Media.CSV if declared != Media.TEXT and _is_table(head) else Media.TEXT


def _of_markup(head: str, named: Media | None) -> Media | None:
    """HTML or XML by the first element behind declarations and comments."""
    start = _first_element(head)
    if start < 0:
        return Media.HTML if named is Media.HTML and _HTML_TAG.search(head) else None
    if _HTML_START.match(head, start) or (named is Media.HTML and _HTML_TAG.search(head)):
        return Media.HTML
    declared = head.lstrip().startswith("<?xml")
    match = _XML_START.match(head, start)
    if declared or (match and (named is Media.XML or _NAMESPACE.search(match[0]))):
        return Media.HTML if match and (match[1] or "") == "html:" else Media.XML
    return Media.XML if re.match(r"<!DOCTYPE\s", head[start:]) else None


def _first_element(head: str) -> int:
    """Where the first element or document type begins; -1 where something else comes first."""
    place = 0
    while place < len(head):
        place += len(head[place:]) - len(head[place:].lstrip()) if head[place].isspace() else 0
        for opening, closing in (("<?", "?>"), ("<!--", "-->")):
            if head.startswith(opening, place):
                end = head.find(closing, place)
                if end < 0:
                    return -1
                place = end + len(closing)
                break
        else:
            doctype = head[place : place + 9].upper() == "<!DOCTYPE"
            return place if doctype or _XML_START.match(head, place) else -1
    return -1


def _binary(text: str) -> bool:
    sample = text[:8192]
    return len(_CONTROL.findall(sample)) + sample.count("\ufffd") > 0.1 * len(sample)


def _of_json(path: Path, head: str, ending: str) -> Media | None:
    """An object or an array that parses, lines of them, or what is named .json and might be."""
    if head.lstrip()[:1] not in ("{", "["):
        return None
    if _NBFORMAT.search(head) and _NOTEBOOK.search(head):
        return Media.NOTEBOOK
    text = decoding.decoded(path.read_bytes())[0].lstrip("\ufeff")
    if json_text.holds(text):
        if ending == ".ipynb" or (_NBFORMAT.search(text) and _NOTEBOOK.search(text)):
            return Media.NOTEBOOK
        return Media.JSON_LINES if ending in (".jsonl", ".ndjson") else Media.JSON
    if json_text.holds_lines(text):
        return Media.JSON_LINES
    return Media.JSON if ending in (".json", ".geojson") else None


def _of_subtitles(head: str) -> Media | None:
    if re.match(r"WEBVTT(?:[ \t\r\n]|\Z)", head):
        return Media.VTT
    lines = head.lstrip()[:512].splitlines()
    return Media.SRT if len(lines) > 1 and lines[0].strip().isdecimal() and _TIMING.match(lines[1].strip()) else None


def _is_mail(text: str) -> bool:
    """Opens with header lines, and two of them are a mail's."""
    head = text.lstrip()[:16_384].replace("\r\n", "\n").split("\n\n", 1)[0]
    lines = head.split("\n")[:10]
    return all(map(_HEADER_LINE.fullmatch, lines)) and len(set(_MAIL_HEADER.findall(head))) >= 2


def _is_table(text: str) -> bool:
    """Rows with the same three or more cells, without a name to say so."""
    lines = text[:65_536].split("\n")[:20]
    if len(lines) < 4:
        return False
    return any(_is_even(lines[:-1], delimiter) for delimiter in (",", "\t", ";"))


def _is_even(lines: list[str], delimiter: str) -> bool:
    try:
        widths = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
    except csv.Error:  # a stray carriage return, NUL, or a field without end: no table
        return False
    return len(widths) == 1 and widths.pop() >= 3
