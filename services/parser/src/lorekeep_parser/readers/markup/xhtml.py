"""XHTML made readable for an HTML parser. An XML parser would stop at the first named entity or unclosed element."""

import re
from html import escape

_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
# Possessive, so that a long start without its end is walked once.
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*+)((?:[^<>/]|/(?!>))*+)/>")
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*+>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*+\[", re.IGNORECASE)


def is_xhtml(text: str) -> bool:
    """Whether a page is written as XML."""
    head = text[:2048]
    return head.lstrip().startswith("<?xml") or "http://www.w3.org/1999/xhtml" in head


def as_html(text: str) -> str:
    """The same page with empty elements spelt out, CDATA as text and no declarations. Nothing is ever resolved."""
    text = _without_subset(_DECLARATION.sub("", text, count=1))
    return _SELF_CLOSED.sub(_spelt_out, _without_cdata(text))


def _spelt_out(match: re.Match[str]) -> str:
    name = match[1].rpartition(":")[2].lower()
    return f"<{match[1]}{match[2]}>" if name in _VOID else f"<{match[1]}{match[2]}></{match[1]}>"


def _without_subset(text: str) -> str:
    """Leaves out the declarations within a document type."""
    match = _DOCTYPE.search(text, 0, 4096)
    end = text.find("]", match.end()) if match else -1
    if match is None or end < 0:
        return text
    # The end is the bracket that is followed by the closing sign; those within entities' values are not.
    while not text[end + 1 : end + 64].lstrip().startswith(">"):
        end = text.find("]", end + 1)
        if end < 0:
            return text
    return text[: match.start()] + text[text.index(">", end) + 1 :]


def _without_cdata(text: str) -> str:
    if _CDATA not in text:
        return text
    first, *rest = text.split(_CDATA)
    parts = [first]
    for each in rest:
        inside, mark, behind = each.partition(_CDATA_END)
        parts.append(escape(inside, quote=False) + behind if mark else each)
    return "".join(parts)
