"""Character recognition by tesseract, as a process of the child's own group: it dies with it."""

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput, LorekeepError
from lorekeep_parser.page import Page
from lorekeep_parser.readers import ocr_languages
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.sandbox import child_limits

DPI = 300
WARNING = (
    "ocr_unavailable: tesseract is not installed, so pages that are images were not read; apt-get install tesseract-ocr"
)
OFF_WARNING = "ocr_off: pages that are images were not read, since the strategy is `fast`; `auto` reads them"
PAGE_SECONDS = 120
_LEAST_CONFIDENCE = 20.0
_WORD = "5"


@dataclass(frozen=True)
class Image:
    """A page as an image that tesseract reads (PNM or PNG)."""

    data: bytes
    width: int
    height: int


@cache
def available() -> bool:
    """Whether the binary is there."""
    return shutil.which("tesseract") is not None


def unavailable() -> LorekeepError:
    """A strategy asks for what is not installed."""
    return InvalidInput(
        "The strategy `ocr_only` needs tesseract, which is not installed on the server. Install it "
        "(apt-get install tesseract-ocr), or use the strategy `auto`.",
        reason="strategy_unavailable",
    )


class Recogniser:
    """Reads images in the given languages. A page that takes longer than `page_seconds` is given up."""

    def __init__(self, languages: Sequence[str], page_seconds: float = PAGE_SECONDS) -> None:
        self._wanted = languages
        self._page_seconds = page_seconds

    def page(self, image: Image, number: int) -> Page:
        """Paragraphs of an image, turned upright first, with boxes as the image stands."""
        there = ocr_languages.installed()
        languages, warnings = ocr_languages.chosen(self._wanted, there)
        # With data for it, the segmentation finds out how the page is turned.
        segmentation = "1" if "osd" in there else "3"
        options = ["--dpi", str(DPI), "--psm", segmentation, "-l", languages, "tsv"]
        try:
            done = subprocess.run(  # noqa: S603
                ["tesseract", "stdin", "stdout", *options],  # noqa: S607
                input=image.data, capture_output=True, timeout=self._page_seconds, check=False,
                env=os.environ | {"OMP_THREAD_LIMIT": "1"}, preexec_fn=child_limits.die_with_parent,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            warnings.append(f"page_slow: page {number} was not recognised within {self._page_seconds:g} seconds")
            return Page((), ocr=True, skipped=True, warnings=warnings)
        if done.returncode:
            warnings.append(f"ocr_failed: page {number} could not be recognised")
            return Page((), ocr=True, skipped=True, warnings=warnings)
        found = _paragraphs(done.stdout.decode("utf-8", errors="replace"), number, image)
        return Page(found, ocr=True, warnings=warnings)


def _paragraphs(tsv: str, page: int, image: Image) -> list[Element]:
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
            boxes=[_box(group, page, image)],
        )
        for group in words.values()
    ]


def _box(group: list[dict[str, str]], page: int, image: Image) -> document_pb2.BoundingBox:
    left = min(int(each["left"]) for each in group)
    top = min(int(each["top"]) for each in group)
    right = max(int(each["left"]) + int(each["width"]) for each in group)
    bottom = max(int(each["top"]) + int(each["height"]) for each in group)
    return document_pb2.BoundingBox(
        page=page,
        left=max(0.0, left / image.width),
        top=max(0.0, top / image.height),
        right=min(1.0, right / image.width),
        bottom=min(1.0, bottom / image.height),
    )
