"""What no honest caller sends, to a running embedder: a typed answer, and everybody else served as before."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls, client_calls, errors
from tests.embedder.processes import CALLER, TOKEN, EmbedderProcess, embed, stub_of

MEGABYTES_4 = 4 * 1024 * 1024
MIB = 1024 * 1024
MARK = "\u0301"
BULK = calls.CallContext("org_a", "col_a", "job_a", calls.Lane.BULK)


def memory(embedder: EmbedderProcess, field: str = "VmRSS") -> int:
    """Bytes of memory, now (`VmRSS`) or at the most so far (`VmHWM`)."""
    lines = Path(f"/proc/{embedder.process.pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def most_memory_from_now(embedder: EmbedderProcess) -> int:
    """Forgets what the process held at the most before."""
    Path(f"/proc/{embedder.process.pid}/clear_refs").write_text("5")
    return memory(embedder, "VmHWM")


def in_flight(embedder: EmbedderProcess) -> bool:
    """Whether the embedder has bulk work in its hands."""
    return 'embedding_in_flight_texts{lane="bulk"} 0.0' not in embedder.get("/metrics")[1]


async def until(embedder: EmbedderProcess, *, busy: bool) -> None:
    """Waits for bulk work to come in, or to be over."""
    while in_flight(embedder) is not busy:
        assert embedder.process.poll() is None
        await asyncio.sleep(0)


@pytest.fixture
async def stub(embedder: EmbedderProcess) -> AsyncIterator[Any]:
    """Calls to the embedder; afterwards a query is answered and the memory is back."""
    async with stub_of(embedder) as stub:
        await embed(stub, ["garden " * 200] * 64)
        before = memory(embedder)
        yield stub
        assert len((await embed(stub, ["a query"])).vectors) == 4 * 384
        assert memory(embedder) < before + 64 * MIB
    assert 'embedding_in_flight_texts{lane="interactive"} 0.0' in embedder.get("/metrics")[1]


async def sent(embedder: EmbedderProcess, data: bytes, method: str = "Embed") -> errors.LorekeepError:
    """The refusal of bytes that are sent as they are, by a channel without bounds."""
    unbounded = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{embedder.grpc_port}", options=unbounded) as channel:
        call = channel.unary_unary(f"/lorekeep.embedder.v1.EmbedderService/{method}")
        metadata = (("authorization", f"Bearer {TOKEN}"), *CALLER.metadata())
        with pytest.raises(errors.LorekeepError) as error:
            async with client_calls.translated():
                await call(data, metadata=metadata, timeout=60)
        return error.value


UNDECODABLE = {
    "invalid UTF-8": b"\x12\x02\xff\xfe\x18\x01",
    "a lone surrogate": b"\x12\x03\xed\xa0\x80\x18\x01",
    "a length beyond the end": b"\x12\x7fabc",
    "no message at all": b"\xff" * 20,
}


@pytest.mark.parametrize("data", UNDECODABLE.values(), ids=UNDECODABLE)
@pytest.mark.parametrize("method", ["Embed", "Rerank"])
async def test_bytes_that_are_no_message_are_refused(
    embedder: EmbedderProcess, stub: Any, data: bytes, method: str
) -> None:
    error = await sent(embedder, data, method)
    assert (type(error), error.reason) == (errors.InvalidInput, "undecodable")


async def test_a_text_of_10_mb_is_too_large_on_either_side_of_the_wire(embedder: EmbedderProcess, stub: Any) -> None:
    request = embedder_pb2.EmbedRequest(texts=["x" * 10_000_000], purpose=embedder_pb2.PURPOSE_QUERY)
    assert isinstance(await sent(embedder, request.SerializeToString()), errors.TooLarge)
    with pytest.raises(errors.TooLarge):
        await embed(stub, request.texts)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("no_texts", {"texts": []}),
    ("blank_text", {"texts": ["x", "\u2003\u3000\n\x1f"]}),
    ("too_many_texts", {"texts": ["a text of forty bytes, or a few more yet"] * 90_000}),
    ("text_too_long", {"texts": ["x", "." * 1_000_000]}),
    ("invalid_input", {"purpose": 3}),
    ("invalid_input", {"purpose": -1}),
    ("dimensions_not_offered", {"dimensions": 383}),
    ("dimensions_not_offered", {"dimensions": 2**32 - 1}),
    ("sparse_not_offered", {"sparse": True}),
    ("model_not_found", {"model": "\0"}),
    ("model_mismatch", {"expected_fingerprint": "'; drop table" * 1000}),
]


@pytest.mark.parametrize(("reason", "fields"), REFUSED, ids=[f"{each[0]}-{next(iter(each[1]))}" for each in REFUSED])
async def test_what_breaks_the_contract_is_refused_by_name(stub: Any, reason: str, fields: dict[str, Any]) -> None:
    with pytest.raises(errors.LorekeepError) as error:
        await embed(stub, **{"texts": ["fine"], **fields})
    assert error.value.reason == reason
    assert len(error.value.message) < 500


async def test_as_many_dimensions_as_there_are_may_be_asked_for(stub: Any) -> None:
    answer = await embed(stub, ["x"], dimensions=384)
    assert (answer.model.dimensions, len(answer.vectors)) == (384, 4 * 384)


ODD = {
    "zero-width characters": "\u200b\u200d\ufeff",
    "control characters": "\0\x01\x7f",
    "special tokens": "[CLS] [SEP] [PAD] [MASK] [UNK] <|endoftext|>",
    "a text that ends in NUL": "garden\0",
    "no letter of any script": "\U0010ffff\ufffe",
    "direction marks": "\u202egarden\u2066",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
async def test_odd_texts_have_vectors_and_change_nobody_elses(stub: Any, text: str) -> None:
    together = await embed(stub, ["a garden", text, "soil"])
    apart = await embed(stub, ["a garden", "soil"])
    vectors = np.frombuffer(together.vectors, "<f4").reshape(3, -1)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(vectors[::2] - np.frombuffer(apart.vectors, "<f4").reshape(2, -1)).max() < 1e-5


HUGE = {
    "one word": "a" * MEGABYTES_4,
    "points": "." * MEGABYTES_4,
    "brackets": "[SEP" * MIB,
    "marks": "a" + MARK * (MEGABYTES_4 // 2 - 1),
    "spaces": " " * (MEGABYTES_4 - 1) + "a",
    "nothing": "\0" * MEGABYTES_4,
    "CJK": "機" * (MEGABYTES_4 // 3),
    "words": "garden " * (MEGABYTES_4 // 7),
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
async def test_a_text_of_4_mb_is_cut_while_queries_go_on(stub: Any, text: str) -> None:
    hog = asyncio.create_task(embed(stub, [text], truncate=True, caller=BULK))
    await asyncio.sleep(0)
    for _ in range(3):
        assert len((await embed(stub, ["a query"])).vectors) == 4 * 384
    answer = await hog
    assert answer.token_count <= 256
    assert answer.truncated_count == (answer.token_count == 256)


async def test_a_word_of_4_mb_holds_no_query_up(embedder: EmbedderProcess, stub: Any) -> None:
    hog = asyncio.create_task(embed(stub, ["a" * MEGABYTES_4], truncate=True, caller=BULK))
    await until(embedder, busy=True)
    assert len((await embed(stub, ["a query"])).vectors) == 4 * 384
    assert len((await embed(stub, ["a longer query " * 15] * 10)).vectors) == 40 * 384
    assert not hog.done()
    assert (await hog).token_count == 3


async def test_4_mb_of_points_take_no_memory_worth_naming(embedder: EmbedderProcess, stub: Any) -> None:
    before = most_memory_from_now(embedder)
    for texts in (["." * MEGABYTES_4], ["." * 65_000] * 64):
        await embed(stub, texts, truncate=True, caller=BULK)
    assert memory(embedder, "VmHWM") < before + 100 * MIB


async def test_work_whose_caller_leaves_is_given_up(embedder: EmbedderProcess, stub: Any) -> None:
    for texts in (["." * 2000] * 1024, ["garden " * 200] * 256):
        left = asyncio.create_task(embed(stub, texts, truncate=True, caller=BULK))
        await until(embedder, busy=True)
        left.cancel()
        await asyncio.wait([left])
        assert left.cancelled()
        await until(embedder, busy=False)
        assert len((await embed(stub, ["a query"])).vectors) == 4 * 384


TEXTS = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(["x", "garden " * 300, "[SEP]", " "])), max_size=4)
WORDS = st.one_of(st.just(""), st.sampled_from(["all-MiniLM-L6-v2", "no such model"]), st.text(max_size=5))
NUMBERS = st.one_of(st.sampled_from([0, 384]), st.integers(0, 2**32 - 1))
EMBED = st.builds(
    embedder_pb2.EmbedRequest, model=WORDS, texts=TEXTS, purpose=st.integers(-2, 4), truncate=st.booleans(),
    expected_fingerprint=st.sampled_from(["", "", "f" * 64]), dimensions=NUMBERS, sparse=st.booleans(),
)  # fmt: skip
RERANK = st.builds(
    embedder_pb2.RerankRequest, model=WORDS, query=st.text(max_size=9), texts=TEXTS, truncate=st.booleans()
)


@settings(deadline=None, max_examples=60)
@given(request=st.one_of(EMBED, RERANK))
def test_any_message_has_vectors_or_a_typed_refusal(embedder: EmbedderProcess, request: Any) -> None:
    async def asked() -> None:
        async with stub_of(embedder) as stub:
            call = stub.Embed if isinstance(request, embedder_pb2.EmbedRequest) else stub.Rerank
            with calls.calling_as(CALLER):
                try:
                    async with client_calls.translated():
                        answer = await call(request, timeout=60)
                except errors.LorekeepError as error:
                    assert not isinstance(error, errors.Internal | errors.Unavailable)
                else:
                    assert len(answer.vectors) == 4 * 384 * len(request.texts)

    asyncio.run(asked())
