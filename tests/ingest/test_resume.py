"""What a job's next run goes on from: the segments that were kept, the parser's state behind them, the index."""

from pathlib import Path

import pytest
from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.test_troubles import failing

from lorekeep.document.v1.document_pb2 import Chunk, Element, Segment
from lorekeep_chassis import errors
from lorekeep_gateway import segments


def points(bench: Bench) -> dict[int, bytes]:
    """The chunks in the index as they are, by ordinal."""
    found = [each.chunk.chunk for each in bench.services.search.points.values()]
    return {each.ordinal: each.SerializeToString(deterministic=True) for each in found}


async def _read_but_not_indexed(bench: Bench, ids: dict[str, str], pages: int) -> None:
    """A worker that reads as many pages while the index is away, and then hands the job back."""
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"))
    async with bench.working(drain_seconds=0.05):
        await until(lambda: _read(bench, ids, pages))
    bench.services.search.upsert.hook = lambda number: None
    assert (await bench.job(ids))["checkpoint"] == {}


async def test_what_was_read_is_not_read_again(bench: Bench) -> None:
    collection = await bench.collection()
    whole = await bench.document(collection, book(4))
    async with bench.working():
        await bench.ended(whole)
    undisturbed = points(bench)
    bench.services.search.points.clear()
    bench.services.parser.pages.clear()
    ids = await bench.document(collection, book(4))
    await _read_but_not_indexed(bench, ids, 4)
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["progress"]["chunks_total"]) == ("succeeded", 6)
    assert bench.services.parser.pages == [1, 2, 3, 4]
    assert len(bench.services.parser.starts) == 2, "once for each document"
    assert points(bench) == undisturbed
    assert (await bench.version(ids))["verdict"] == (await bench.version(whole))["verdict"]
    assert (await bench.version(ids))["warnings"] == ["odd: x"]
    assert (await bench.document_row(ids))["content_preview"].startswith("line 0.0.")


async def test_reading_goes_on_behind_the_last_segment(bench: Bench) -> None:
    bench.services.parser.batch.hook = failing(1, errors.DeadlineExceeded("slow"), at=2)
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert bench.services.parser.pages == [1, 2, 3, 4, 3, 4, 5]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}


@pytest.mark.parametrize("damaged", [True, False])
async def test_a_dead_segment_is_read_anew(bench: Bench, damaged: bool) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(4))
    await _read_but_not_indexed(bench, ids, 4)
    (path,) = (each for each in _files(bench) if each.name == "000001.pb.gz" and ids["version_id"] in str(each))
    path.write_bytes(path.read_bytes()[:-9]) if damaged else path.unlink()
    async with bench.working():
        job = await bench.ended(ids)
    assert job["status"] == "succeeded", job["error"]
    assert bench.services.parser.pages == [1, 2, 3, 4, 1, 2, 3, 4]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(4))}


async def test_a_state_that_the_parser_refuses_is_not_used(bench: Bench) -> None:
    refused: list[int] = []

    def hook(number: int) -> None:
        if bench.services.parser.starts[-1].resume_state and not refused:
            refused.append(number)
            raise errors.InvalidInput("Start anew.", reason="resume_state_invalid")

    bench.services.parser.parse.hook = hook
    bench.services.parser.batch.hook = failing(1, errors.Unavailable("away"), at=2)
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], len(refused)) == ("succeeded", 1)
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}


async def test_an_end_without_success_forgets_what_was_read(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(4))
    await _read_but_not_indexed(bench, ids, 4)
    await bench.sql("update jobs set cancel_requested = true")
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["parsed"], job["parse_state"]) == ("cancelled", {}, None)


def test_a_segment_comes_back_as_it_was() -> None:
    element = Element(ordinal=3, text="äöü and", start=10, end=17)
    chunks = [
        Chunk(ordinal=0, text="öü", start=11, end=13, heading_path=["Top"]),
        Chunk(ordinal=1, text="before öü", start=4, end=13),
        Chunk(ordinal=2, text="other", start=11, end=13),
    ]
    segment = Segment(ordinal=1, start=10, text="äöü and", elements=[element], chunks=chunks)
    content = segments.packed(segment)
    assert segments.unpacked(content) == segment
    assert len(segment.chunks[0].text) == 2
    with pytest.raises(ValueError, match="no segment"):
        segments.unpacked(content[:-1])


async def _read(bench: Bench, ids: dict[str, str], pages: int) -> bool:
    parsed = (await bench.job(ids))["parsed"]
    return parsed.get("pages_done") == pages and parsed["verdict"] is not None


def _files(bench: Bench) -> list[Path]:
    root = bench.settings.blobs_url.removeprefix("file://")
    return [each for each in Path(root).rglob("*") if each.is_file()]


async def test_a_job_is_gone_on_with_that_another_version_of_the_code_began(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(4))
    counters = {"segments": 1, "elements": 6, "chunks": 0, "pages_done": 2, "pages_total": 4, "preview": "line"}
    await bench.sql("update jobs set checkpoint = $1, resume_state = 'state'", {**counters, "complete": False})
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["attempt"]) == ("succeeded", 1), job["error"]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(4))}
