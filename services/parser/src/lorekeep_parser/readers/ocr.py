"""Character recognition by tesseract, as a process of the child's own group: it dies with it."""

import csv
import io
import shutil
import subprocess
from functools import cache

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import child_limits
from lorekeep_parser.readers.elements import Element, Kind

DPI = 300
WARNING = (
    "ocr_unavailable: tesseract is not installed, so pages that are images were not read; apt-get install tesseract-ocr"
)
_PAGE_SECONDS = 120
_LEAST_CONFIDENCE = 20.0
_WORD = "5"


@cache
def available() -> bool:
    """Whether the binary is there."""
    return shutil.which("tesseract") is not None


@cache
def _segmentation() -> str:
    """Page segmentation: with orientation detection where its data is installed."""
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S607
    return "1" if "osd" in listed.stdout.split() else "3"


def elements(image: bytes, page: int, width: int, height: int) -> list[Element]:
    """Paragraphs of an image (PNM or PNG), with boxes. Empty where nothing was recognised or it took too long."""
    try:
        done = subprocess.run(  # noqa: S603
            ["tesseract", "stdin", "stdout", "--dpi", str(DPI), "--psm", _segmentation(), "tsv"],  # noqa: S607
            input=image, capture_output=True, timeout=_PAGE_SECONDS, check=False,
            preexec_fn=child_limits.die_with_parent,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return []
    return _paragraphs(done.stdout.decode("utf-8", errors="replace"), page, width, height)


def _paragraphs(tsv: str, page: int, width: int, height: int) -> list[Element]:
    """Words joined by line and paragraph, in tesseract's reading order."""
    words: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == _WORD and row["text"].strip() and float(row["conf"]) >= _LEAST_CONFIDENCE:
            words.setdefault((row["block_num"], row["par_num"]), []).append(row)
    return [
        Element(
            kind=Kind.ELEMENT_KIND_IMAGE_TEXT,
            text=" ".join(each["text"] for each in group),
            page=page,
            boxes=[_box(group, page, width, height)],
        )
        for group in words.values()
    ]


def _box(group: list[dict[str, str]], page: int, width: int, height: int) -> document_pb2.BoundingBox:
    left = min(int(each["left"]) for each in group)
    top = min(int(each["top"]) for each in group)
    right = max(int(each["left"]) + int(each["width"]) for each in group)
    bottom = max(int(each["top"]) + int(each["height"]) for each in group)
    return document_pb2.BoundingBox(
        page=page, left=left / width, top=top / height, right=min(1.0, right / width), bottom=min(1.0, bottom / height)
    )
