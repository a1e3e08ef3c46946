"""Subtitles: what is said and by whom. Times part the cues and are left out: no reader asks for them by text."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements

TIMING = re.compile(r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}[ \t]*-->[ \t]*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_SPEAKER = re.compile(r"<v(?:\.[^ >]{0,64})?[ \t]([^<>]{1,200})>")
_TAG = re.compile(r"</?(?:v|c|i|b|u|font|lang|ruby|rt|\d[\d:.]*+)\b[^<>]*+>|\{\\[^{}]*+\}", re.IGNORECASE)
_BLOCKS = re.compile(r"\n[ \t]*\n")
_GROUP_CHARACTERS = 1000
_UNSAID = ("STYLE", "REGION")


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "SubtitlesReader":
    """Reads WebVTT or SubRip."""
    return SubtitlesReader(kind, decoding.decoded(path.read_bytes())[0])


class SubtitlesReader:
    """One page of passages; a passage is as many cues as make about a thousand characters."""

    route = "subtitles"
    pages_total = 1

    def __init__(self, kind: Media, text: str) -> None:
        self.media_type = kind.value
        self.properties = document_pb2.Properties()
        self._text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")

    def pages(self, first: int) -> Iterator[Page]:
        """The whole file."""
        if first == 0:
            yield Page(self._elements())

    def _elements(self) -> Iterator[elements.Element]:
        lines: list[str] = []
        length = 0
        for block in _BLOCKS.split(self._text):
            for line in _said(block):
                lines.append(line)
                length += len(line)
            if length > _GROUP_CHARACTERS:
                yield elements.text("\n".join(lines))
                lines, length = [], 0
        yield elements.text("\n".join(lines))


def _said(block: str) -> Iterator[str]:
    """The lines of a cue behind its number and time; of anything else but styles, all of them."""
    lines = block.strip("\n").split("\n")
    timed = next((number for number, line in enumerate(lines[:3]) if TIMING.search(line)), None)
    if timed is None:
        if lines[0].startswith(_UNSAID):
            return
        first = lines[0].removeprefix("WEBVTT").removeprefix("NOTE").strip()
        lines = [first, *lines[1:]]
    else:
        lines = lines[timed + 1 :]
    for line in lines:
        if text := html.unescape(_TAG.sub("", _SPEAKER.sub(r"\1: ", line))).strip():
            yield text
