"""Streams to a running embedder: as good as single calls, bounded, and gone when their caller is."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls, client_calls
from lorekeep_chassis.errors import DeadlineExceeded, InvalidInput, LorekeepError, TooLarge
from tests.embedder.processes import CALLER, EmbedderProcess, embed, stub_of
from tests.embedder.test_process import BULK, WORD, measured, settled

COMPUTED = 'embedding_texts_total{lane="bulk"}'
# 3.5 MB of 512 texts of 3 tokens, whose answer has 0.8 MB: both directions are full soon, and little is computed.
LARGE = ["x" + " " * 7_000] * 512
RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.M)


def message(texts: list[str]) -> embedder_pb2.EmbedStreamRequest:
    return embedder_pb2.EmbedStreamRequest(
        request=embedder_pb2.EmbedRequest(texts=texts, purpose=embedder_pb2.PURPOSE_PASSAGE)
    )


async def messages(*requests: list[str]) -> AsyncIterator[embedder_pb2.EmbedStreamRequest]:
    for texts in requests:
        yield message(texts)


async def streamed(stub: Any, *requests: list[str], timeout: float = 60) -> list[embedder_pb2.EmbedResponse]:
    with calls.calling_as(BULK):
        async with client_calls.translated():
            return [each.response async for each in stub.EmbedStream(messages(*requests), timeout=timeout)]


async def test_a_stream_answers_as_single_calls_do(embedder: EmbedderProcess) -> None:
    requests = [["a cat"], ["a dog", WORD * 100], *[[f"number {number}"] for number in range(20)]]
    async with stub_of(embedder) as stub:
        together = await streamed(stub, *requests)
        alone = [await embed(stub, texts) for texts in requests]
    assert [each.token_count for each in together] == [each.token_count for each in alone]
    assert [len(each.vectors) for each in together] == [len(each.vectors) for each in alone]


async def test_an_error_says_which_message_it_is_about(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder) as stub:
        with pytest.raises(InvalidInput, match=r"^Message 1: Text 0 is blank") as error:
            await streamed(stub, ["fine"], [" "], ["fine"])
    assert error.value.reason == "blank_text"


async def test_a_deadline_ends_a_stream_and_what_is_left_of_it_is_not_computed(embedder: EmbedderProcess) -> None:
    before = measured(embedder).get(COMPUTED, 0)
    async with stub_of(embedder) as stub:
        with pytest.raises(DeadlineExceeded):
            await streamed(stub, *[[WORD * 200] * 256] * 4, timeout=0.5)
    assert settled(embedder)[COMPUTED] - before < 512


async def test_a_caller_that_leaves_a_stream_takes_all_of_it_along(embedder: EmbedderProcess) -> None:
    before = measured(embedder).get(COMPUTED, 0)
    async with stub_of(embedder) as stub:
        with calls.calling_as(BULK):
            call = stub.EmbedStream(messages(["first"], *[[WORD * 200] * 256] * 4), timeout=60)
            assert (await call.read()).response.token_count == 3
            call.cancel()
    assert settled(embedder)[COMPUTED] - before < 512


async def test_a_caller_that_sends_and_never_reads_is_not_read_from(embedder: EmbedderProcess) -> None:
    sent = 0

    async def flood() -> AsyncIterator[embedder_pb2.EmbedStreamRequest]:
        nonlocal sent
        while True:
            yield message(LARGE)
            sent += 1

    def resident_mb() -> float:
        found = RESIDENT.search(Path(f"/proc/{embedder.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    async def standing_still() -> None:
        seen: list[tuple[int, float]] = []
        while len(seen) < 4 or len(set(seen[-4:])) > 1:
            await asyncio.sleep(1)
            seen.append((sent, (await asyncio.to_thread(measured, embedder)).get(COMPUTED, 0)))
            assert sent < 100, "a caller that does not read is read from"

    async with stub_of(embedder) as stub:
        await streamed(stub, LARGE)
        before = resident_mb()
        with calls.calling_as(BULK):
            call = stub.EmbedStream(flood(), timeout=300)
            await standing_still()
            assert sent > 1
            assert resident_mb() - before < 100
            assert len((await embed(stub, ["a query"], caller=CALLER)).vectors) == 384 * 4
            call.cancel()
    assert settled(embedder)['embedding_in_flight_texts{lane="bulk"}'] == 0


@pytest.mark.parametrize(
    ("texts", "kind"),
    [(["x" * 10_000_000], TooLarge), (["x"] * 100_000, TooLarge), ([], InvalidInput), (["\u2003"], InvalidInput)],
    ids=["10 MB", "100,000 texts", "no texts", "a blank"],
)
async def test_bad_messages_get_a_typed_answer(
    embedder: EmbedderProcess, texts: list[str], kind: type[LorekeepError]
) -> None:
    async with stub_of(embedder) as stub:
        with pytest.raises(kind):
            await embed(stub, texts)
        with pytest.raises(kind):
            await streamed(stub, texts)


async def test_four_megabytes_of_words_are_refused_or_cut_without_being_read(embedder: EmbedderProcess) -> None:
    text = "many plain words " * 240_000
    async with stub_of(embedder) as stub:
        with pytest.raises(InvalidInput) as error:
            await embed(stub, [text])
        cut = await embed(stub, [text], truncate=True)
    assert error.value.reason == "text_too_long"
    assert (cut.token_count, cut.truncated_count) == (256, 1)
