"""Words as they were before a page was set: parted ones mended, ligatures written out."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from lorekeep_parser.readers.pdf.lines import HYPHEN_MARKS

_HYPHENS = "-‐"
_COMPOUND = re.compile(r"\w+(?:[-‐]\w+)+")
_MOST_COMPOUNDS = 5000
_LAST = re.compile(r"[\w\-‐]+$")
_FIRST = re.compile(r"\w+")
# Forms that exist for typesetting alone: Latin ligatures, Hebrew and Arabic letters as they look in a word.
_PRESENTATION = re.compile("[\ufb00-\ufb4f\ufb50-\ufdfb\ufe70-\ufefc]+")
_UNSPACED = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60]")


def compounds(texts: Iterable[str]) -> frozenset[str]:
    """Words with a hyphen inside of a line, in small letters: those that keep it at a line's end."""
    found: dict[str, None] = {}
    for text in texts:
        if "-" in text or "‐" in text:
            for match in _COMPOUND.finditer(text):
                found.setdefault(_plain(match.group()))
        if len(found) >= _MOST_COMPOUNDS:
            break
    return frozenset(found)


def joined(texts: Sequence[str], known: Collection[str] = ()) -> str:
    """Lines as running text: a word parted at a line's end is mended, unless it is `known` with its hyphen."""
    parts: list[str] = []
    for each in texts:
        if parts:
            parts[-1], gap = _ended(parts[-1], each, known)
            parts.append(gap)
        parts.append(each)
    return normalised("".join(parts))


def normalised(text: str) -> str:
    """Without marks of hyphenation; ligatures and presentation forms as plain letters."""
    if text.isascii() and "\x02" not in text:
        return text
    for mark in HYPHEN_MARKS[:2]:
        text = text.replace(mark, "-")
    return _PRESENTATION.sub(lambda each: unicodedata.normalize("NFKC", each.group()), text.replace("\u00ad", ""))


def _ended(before: str, after: str, known: Collection[str]) -> tuple[str, str]:
    """The end of a line as it stands in running text, and what parts it from the next."""
    marked = before.endswith(tuple(HYPHEN_MARKS))
    if marked or _hyphenated(before, after):
        whole = before[:-1]
        if before[-1] != "\u00ad" and _keeps_hyphen(whole, after, known):
            return f"{whole}-", ""
        return whole, ""
    unspaced = _UNSPACED.match(before[-1:]) and _UNSPACED.match(after[:1])
    return before, "" if unspaced else " "


def _hyphenated(before: str, after: str) -> bool:
    return len(before) > 1 and before[-1] in _HYPHENS and before[-2].islower() and after[:1].islower()


def _keeps_hyphen(before: str, after: str, known: Collection[str]) -> bool:
    """Whether the hyphen is the word's own: the document writes it so elsewhere, or it has one already."""
    last, first = _LAST.search(before[-80:]), _FIRST.match(after)
    if last is None or first is None:
        return True
    head = _plain(last.group())
    return "-" in head.strip("-") or f"{head}-{_plain(first.group())}" in known or not before[-1].isalpha()


def _plain(word: str) -> str:
    return word.replace("‐", "-").lower()
