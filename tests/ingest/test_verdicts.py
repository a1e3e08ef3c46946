"""What a document's verdict warns of, and how its outcome is counted."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from tests.ingest.bench import Bench

from lorekeep.document.v1.document_pb2 import Verdict
from lorekeep_gateway.ingest.verdicts import outcome_of, warnings_of


@pytest.mark.parametrize(
    ("verdict", "words", "outcome"),
    [
        (Verdict(pages_read=10), [], "clean"),
        (Verdict(pages_read=10, pages_empty=2), [], "clean"),
        (Verdict(pages_read=10, pages_empty=3), ["pages_empty"], "pages_empty"),
        (Verdict(pages_read=10, pages_empty=1, pages_garbled=2), ["pages_empty", "pages_garbled"], "pages_garbled"),
        (Verdict(pages_read=10, pages_garbled=9, warnings=["garbled: 9 pages"]), ["garbled"], "pages_garbled"),
        (Verdict(pages_read=10, warnings=["page_broken: page 1"]), ["page_broken"], "warned"),
        (Verdict(), [], "clean"),
    ],
)
def test_too_many_bad_pages_are_warned_of_once(verdict: Verdict, words: list[str], outcome: str) -> None:
    warnings = warnings_of(verdict)
    assert [each.split(":")[0] for each in warnings] == words
    assert outcome_of(warnings) == outcome


async def test_a_document_with_empty_pages_is_ready_with_a_warning_and_counted(bench: Bench) -> None:
    before = {each: _count(each) for each in ("pages_empty", "empty_text", "refused")}
    collection = await bench.collection()
    texts = ("a\n\f\f\fb", " \n ", "ENCRYPTED")
    documents = [await bench.document(collection, text) for text in texts]
    async with bench.working():
        ended = [await bench.ended(each) for each in documents]
    assert [each["status"] for each in ended] == ["succeeded", "failed", "failed"]
    assert ended[0]["warnings"] == ["odd: x", "pages_empty: 2 of 4 pages hold no text"]
    document, version = await bench.document_row(documents[0]), await bench.version(documents[0])
    assert (document["status"], version["warnings"]) == ("ready", ended[0]["warnings"])
    assert version["verdict"]["pages_empty"] == 2
    assert {each: _count(each) - before[each] for each in before} == {"pages_empty": 1, "empty_text": 1, "refused": 1}


@pytest.mark.parametrize("size", [3, 2_000_000])
async def test_damaged_bytes_are_a_typed_end_and_nothing_is_indexed(bench: Bench, size: int) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb" + "c" * size)
    sha256 = (await bench.version(ids))["blob_sha256"]
    root = bench.settings.blobs_url.removeprefix("file://")
    path = Path(root) / "organisations/org_a/blobs" / sha256[:2] / sha256
    path.write_bytes(b"X" + path.read_bytes()[1:])
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["error"]["reason"], job["dead"]) == ("failed", "blob_corrupt", False)
    assert (bench.services.parser.pages, bench.services.search.points) == ([], {})
    assert (await bench.document_row(ids))["error"]["reason"] == "blob_corrupt"


def _count(outcome: str) -> float:
    return REGISTRY.get_sample_value("ingest_verdicts_total", {"outcome": outcome}) or 0
