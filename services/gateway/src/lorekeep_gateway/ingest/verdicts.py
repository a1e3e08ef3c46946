"""The parser's verdict as rows and answers show it, and what is to be warned of."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from lorekeep.document.v1.document_pb2 import Verdict

_TOLERATED_SHARE = 0.2
_GARBLED = "garbled:"


def verdict_of(verdict: Verdict) -> dict[str, Any]:
    """Counts under the names of the proto, with `characters_per_page` and `ocr_share` (0 to 1) worked out; warnings
    stand beside a verdict, not in it."""
    counts = MessageToDict(verdict, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    del counts["warnings"]
    pages = max(verdict.pages_read, 1)
    counts["characters"] = verdict.characters
    counts["characters_per_page"] = round(verdict.characters / pages)
    counts["ocr_share"] = round(verdict.pages_ocr / pages, 4)
    return counts


def warnings_of(verdict: Verdict) -> list[str]:
    """The parser's warnings, and one for pages without text or with undecodable text where these are too many."""
    told = list(verdict.warnings)
    if verdict.pages_empty + verdict.pages_garbled <= _TOLERATED_SHARE * verdict.pages_read:
        return told
    if verdict.pages_empty:
        told.append(f"pages_empty: {verdict.pages_empty} of {verdict.pages_read} pages hold no text")
    if verdict.pages_garbled and not any(each.startswith(_GARBLED) for each in told):
        told.append(
            f"pages_garbled: {verdict.pages_garbled} of {verdict.pages_read} pages hold mostly undecodable characters"
        )
    return told


def outcome_of(warnings: list[str]) -> str:
    """The verdict in a word, for metrics."""
    words = {each.split(":", 1)[0] for each in warnings}
    for word, outcome in (("pages_garbled", "pages_garbled"), ("garbled", "pages_garbled"), ("pages_empty",) * 2):
        if word in words:
            return outcome
    return "warned" if warnings else "clean"
