"""Which lane a job's chunks are embedded in."""

import pytest
from tests.ingest.bench import Bench, book

from lorekeep_chassis.calls import Lane
from lorekeep_gateway.ingest.embedding import INTERACTIVE_CHUNKS, INTERACTIVE_REQUEST_CHUNKS

CHUNKS = 105


async def _embedded(bench: Bench, lane: str) -> dict[Lane, list[int]]:
    """Ingests a document of 105 chunks; gives the sizes of the embedder's requests by lane."""
    ids = await bench.document(await bench.collection(), book(70), lane=lane)
    async with bench.working(embed_batch_chunks=64, batch_pages=100):
        assert (await bench.ended(ids))["status"] == "succeeded"
    sizes: dict[Lane, list[int]] = {Lane.INTERACTIVE: [], Lane.BULK: []}
    for seen, size in bench.services.embedder.lanes:
        sizes[seen].append(size)
    return sizes


async def test_a_long_document_is_interactive_at_its_beginning_only(bench: Bench) -> None:
    sizes = await _embedded(bench, "interactive")
    assert sizes[Lane.INTERACTIVE] == [INTERACTIVE_REQUEST_CHUNKS] * (INTERACTIVE_CHUNKS // INTERACTIVE_REQUEST_CHUNKS)
    assert sum(sizes[Lane.BULK]) == CHUNKS - INTERACTIVE_CHUNKS


async def test_a_bulk_job_is_bulk_in_large_requests(bench: Bench) -> None:
    sizes = await _embedded(bench, "bulk")
    assert sizes == {Lane.INTERACTIVE: [], Lane.BULK: [32, 32, 32, 9]}


@pytest.mark.parametrize("batch", [10, 15])
async def test_a_request_that_straddles_the_bound_is_parted_in_order(bench: Bench, batch: int) -> None:
    ids = await bench.document(await bench.collection(), book(70), lane="interactive")
    async with bench.working(embed_batch_chunks=batch, batch_pages=100):
        await bench.ended(ids)
    lanes = [lane for lane, size in bench.services.embedder.lanes for _ in range(size)]
    assert lanes == [Lane.INTERACTIVE] * INTERACTIVE_CHUNKS + [Lane.BULK] * (CHUNKS - INTERACTIVE_CHUNKS)
