"""Texts whose every sentence says whose it is, of which edition, and which one of how many."""

import re
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

_MARK = re.compile(r"Passage\s+(\d+)\s+of\s+(\d+)\s+in\s+edition\s+(\d+)\s+of\s+(\w+)\s+kept\s+by\s+(\w+):")
_THINGS = ("lamp", "ledger", "harbour", "engine", "orchard", "bridge", "archive", "signal", "compass", "granary")
_DEEDS = ("was repaired", "was counted", "stood empty", "changed hands", "was painted", "ran dry", "was measured")
_TIMES = ("in spring", "after the flood", "before dawn", "for nine years", "at the fair", "under the old rules")
_LINES_A_PAGE = 12
# Well below the place of running heads, which are no part of a text.
_LEFT_POINTS, _TOP_POINTS, _LINE_POINTS = 40, 640, 26


class Mark(NamedTuple):
    """What one sentence says of itself."""

    passage: int
    passages: int
    edition: int
    word: str
    owner: str


def sentences(word: str, owner: str, edition: int, passages: int, chance: Random) -> list[str]:
    """The passages of one edition; each holds `word`, so that a search by it lists all of them."""
    return [
        f"Passage {number} of {passages} in edition {edition} of {word} kept by {owner}: the {chance.choice(_THINGS)} "
        f"of {word} {chance.choice(_DEEDS)} {chance.choice(_TIMES)}."
        for number in range(1, passages + 1)
    ]


def marks(texts: Iterable[str]) -> set[Mark]:
    """The marks that stand in some texts."""
    found = (match for text in texts for match in _MARK.findall(text))
    return {Mark(int(number), int(of), int(edition), word, owner) for number, of, edition, word, owner in found}


def plain(lines: list[str]) -> bytes:
    """As paragraphs of three."""
    return "\n\n".join(" ".join(lines[start : start + 3]) for start in range(0, len(lines), 3)).encode()


def markdown(lines: list[str]) -> bytes:
    """With a heading before each sixth."""
    parts = [f"## Part {start // 6 + 1}\n\n" + " ".join(lines[start : start + 6]) for start in range(0, len(lines), 6)]
    return ("# Record\n\n" + "\n\n".join(parts) + "\n").encode()


def html(lines: list[str]) -> bytes:
    """A paragraph each."""
    body = "".join(f"<p>{line}</p>\n" for line in lines)
    return f"<!doctype html><html><head><title>Record</title></head><body>\n{body}</body></html>\n".encode()


def pdf(lines: list[str]) -> bytes:
    """Twelve to a page, as text of a standard font."""
    pages = [_page(lines[start : start + _LINES_A_PAGE]) for start in range(0, len(lines), _LINES_A_PAGE)]
    return pdf_of(pages)


def pdf_of(pages: list[bytes]) -> bytes:
    """A PDF of these content streams; one without content is a blank page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 700 842] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream")
    return _with_table(objects)


def padded(whole: bytes, size_bytes: int, noise: bytes) -> bytes:
    """The same PDF with a stream of `noise` over and over that nothing in it uses."""
    body, _, table = whole.rpartition(b"xref\n0 ")
    stream = noise * (size_bytes // len(noise))
    padding = b"9999 0 obj\n<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream\nendobj\n"
    head, _, _ = table.rpartition(b"startxref\n")
    return body + padding + b"xref\n0 " + head + b"startxref\n%d\n%%%%EOF\n" % (len(body) + len(padding))


def _page(lines: list[str]) -> bytes:
    shown = [
        f"BT /F1 8 Tf {_LEFT_POINTS} {_TOP_POINTS - _LINE_POINTS * row} Td ({line}) Tj ET"
        for row, line in enumerate(lines)
    ]
    return "\n".join(shown).encode()


def _with_table(objects: list[bytes]) -> bytes:
    whole, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(whole))
        whole += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(whole)
    whole += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    whole += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    whole += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(whole)
