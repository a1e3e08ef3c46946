"""How well a document was read: counted while it is, told at its end."""

from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.page import Page

_GARBLED_SHARE = 0.3
_SAMPLE_CHARACTERS = 4000
# What is looked at of the sample: a fourth is as sure as all of it, and telling takes time by the character.
_LOOKS, _LOOK_CHARACTERS = 4, 300
_LEAST_FOR_LANGUAGE = 40
_MAX_WARNINGS = 20
# Begins what is said of a page, an image or a sheet whose bytes nothing can be made of.
BROKEN_WARNING = "page_broken"
_REPLACEMENT = "\ufffd"
_WORDLESS = frozenset({document_pb2.ElementKind.ELEMENT_KIND_CODE, document_pb2.ElementKind.ELEMENT_KIND_TABLE})


class Tally:
    """The verdict as it stands, with a sample of the text to tell its language by."""

    def __init__(self) -> None:
        self.verdict = document_pb2.Verdict()
        self._sample = ""
        self._page_characters = 0
        self._page_garbled = 0

    def element(self, element: document_pb2.Element) -> None:
        """An element of the page that is being read. Code and tables do not tell a language."""
        text = element.text
        self._page_characters += len(text)
        self._page_garbled += sum(map(text.count, (_REPLACEMENT, "(cid:")))
        self._page_garbled += sum(1 for each in text if "\ue000" <= each <= "\uf8ff") if not text.isascii() else 0
        if element.kind not in _WORDLESS and len(self._sample) < _SAMPLE_CHARACTERS:
            self._sample = (self._sample + " " + text)[:_SAMPLE_CHARACTERS]

    def page(self, page: Page) -> document_pb2.PageVerdict:
        """The page was read; gives what became of it."""
        verdict, read = self.verdict, self._page_characters
        garbled = read > 0 and self._page_garbled > read * _GARBLED_SHARE
        verdict.pages_read += 1
        verdict.pages_empty += read == 0
        verdict.pages_garbled += garbled
        verdict.pages_skipped += page.skipped
        verdict.pages_ocr += page.ocr
        verdict.characters += read
        verdict.truncations += page.truncations
        for warning in page.warnings:
            self.warn(warning)
        self._page_characters = self._page_garbled = 0
        outcome = _outcome(page, read, garbled)
        return document_pb2.PageVerdict(page=verdict.pages_read, outcome=outcome, characters=read)

    def warn(self, warning: str) -> None:
        """Adds a warning, once."""
        if warning not in self.verdict.warnings and len(self.verdict.warnings) < _MAX_WARNINGS:
            self.verdict.warnings.append(warning)

    @property
    def all_broken(self) -> bool:
        """Whether no page at all could be read, each because it is damaged."""
        verdict = self.verdict
        every = 0 < verdict.pages_read == verdict.pages_skipped
        return every and all(each.startswith(BROKEN_WARNING) for each in verdict.warnings)

    def finished(self, route: str, media_type: str) -> document_pb2.Verdict:
        """The verdict at the document's end."""
        if self.verdict.pages_garbled:
            self.warn(f"garbled: {self.verdict.pages_garbled} pages hold mostly undecodable characters")
        self.verdict.route, self.verdict.media_type = route, media_type
        self.verdict.language = language(self._sample)
        return self.verdict

    def state(self) -> dict[str, Any]:
        """What was counted so far, as JSON. In the middle of a page, with what the page held so far."""
        counts = self.verdict.SerializeToString().hex()
        return {"verdict": counts, "sample": self._sample, "page": [self._page_characters, self._page_garbled]}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Tally":
        """Reads `state` back; KeyError, TypeError or ValueError where it is none."""
        tally = cls()
        tally.verdict.ParseFromString(bytes.fromhex(state["verdict"]))
        tally._sample = str(state["sample"])
        tally._page_characters, tally._page_garbled = map(int, state["page"])
        return tally


def _outcome(page: Page, characters: int, garbled: bool) -> document_pb2.PageOutcome:
    if page.skipped:
        return document_pb2.PAGE_OUTCOME_SKIPPED
    if not characters:
        return document_pb2.PAGE_OUTCOME_EMPTY
    if garbled:
        return document_pb2.PAGE_OUTCOME_GARBLED
    return document_pb2.PAGE_OUTCOME_OCR if page.ocr else document_pb2.PAGE_OUTCOME_READ


def language(sample: str) -> str:
    """An ISO 639-1 code, the same for the same sample; empty where the text is too short or too mixed to tell."""
    if len(sample.strip()) < _LEAST_FOR_LANGUAGE:
        return ""
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0
    try:
        found = detect_langs(_looks(sample))
    except LangDetectException:
        return ""
    shares: dict[str, float] = {}
    for each in found:
        code = str(each.lang).split("-", maxsplit=1)[0]
        shares[code] = shares.get(code, 0.0) + each.prob
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] > 0.8 else ""


def _looks(sample: str) -> str:
    """Passages from all over a sample: its beginning alone may be a title page in another language."""
    if len(sample) <= _LOOKS * _LOOK_CHARACTERS:
        return sample
    step = (len(sample) - _LOOK_CHARACTERS) // (_LOOKS - 1)
    return " ".join(sample[place * step :][:_LOOK_CHARACTERS] for place in range(_LOOKS))
