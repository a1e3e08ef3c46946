"""The parser's verdict as rows and answers show it."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from lorekeep.document.v1.document_pb2 import Verdict


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
