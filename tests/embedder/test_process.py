"""A running embedder, asked through a channel."""

import asyncio
import hashlib
from pathlib import Path

import grpc
import numpy as np
import pytest

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep_chassis import calls, client_calls
from lorekeep_chassis.errors import (
    DeadlineExceeded,
    InvalidInput,
    LorekeepError,
    ModelMismatch,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from lorekeep_embedder.backends import choice
from lorekeep_embedder.settings import EmbedderSettings
from tests.embedder.processes import CALLER, TOKEN, EmbedderProcess, embed, running, stub_of

WORD = "garden "
BULK = calls.CallContext("org_a", "col_a", "job_a", calls.Lane.BULK)
# What `auto` takes on this machine.
BACKEND = choice.planned(EmbedderSettings(embedder_token="t", device="cpu")).backend


def rows(response: embedder_pb2.EmbedResponse) -> np.ndarray:  # type: ignore[type-arg]
    return np.frombuffer(response.vectors, "<f4").reshape(-1, response.model.dimensions)


async def test_texts_come_back_as_vectors_in_their_order(embedder: EmbedderProcess) -> None:
    texts = ["a cat sat on the mat", "quarterly revenue " * 40, "cats sitting on mats", "x"]
    async with stub_of(embedder) as stub:
        together = await embed(stub, texts)
        alone = [rows(await embed(stub, [text]))[0] for text in texts]
    vectors = rows(together)
    assert np.abs(vectors - np.array(alone)).max() < 1e-5
    assert vectors[0] @ vectors[2] > 0.7 > vectors[0] @ vectors[1]
    assert (together.token_count, together.truncated_count) == (8 + 82 + 6 + 3, 0)
    assert together.model.window_tokens == 256
    assert together.model.backend == BACKEND


REFUSED: list[tuple[str, type[LorekeepError], dict[str, object]]] = [
    ("blank_text", InvalidInput, {"texts": ["fine", " \n\t"]}),
    ("no_texts", InvalidInput, {"texts": []}),
    ("text_too_long", InvalidInput, {"texts": ["fine", WORD * 300]}),
    ("too_many_texts", TooLarge, {"texts": ["x"] * 1025}),
    ("too_large", TooLarge, {"texts": ["x" * (4 * 1024 * 1024 + 1)]}),
    ("invalid_input", InvalidInput, {"purpose": embedder_pb2.PURPOSE_UNSPECIFIED}),
    ("model_not_found", NotFound, {"model": "no-such-model"}),
    ("model_mismatch", ModelMismatch, {"expected_fingerprint": "f" * 64}),
]


@pytest.mark.parametrize(("reason", "kind", "fields"), REFUSED, ids=[each[0] for each in REFUSED])
async def test_what_breaks_the_contract_is_refused_by_name(
    embedder: EmbedderProcess, reason: str, kind: type[LorekeepError], fields: dict[str, object]
) -> None:
    async with stub_of(embedder) as stub:
        with pytest.raises(kind) as error:
            await embed(stub, **{"texts": ["fine"], **fields})  # type: ignore[arg-type]
    assert error.value.reason == reason


async def test_truncation_happens_when_asked_and_is_counted(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder) as stub:
        cut = await embed(stub, [WORD * 300, WORD], truncate=True)
        full = await embed(stub, [WORD * 254])
    assert (cut.truncated_count, cut.token_count) == (1, 256 + 3)
    assert np.abs(rows(cut)[0] - rows(full)[0]).max() < 1e-5


async def test_the_default_model_has_a_name_and_a_fingerprint(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder) as stub:
        with calls.calling_as(CALLER):
            listed = await stub.ListModels(embedder_pb2.ListModelsRequest(), timeout=10)
        model = listed.models[0]
        named = await embed(stub, ["x"], model=model.name, expected_fingerprint=model.fingerprint)
    assert named.model == model
    assert (model.name, model.dimensions, model.distance) == ("all-MiniLM-L6-v2", 384, embedder_pb2.DISTANCE_COSINE)


async def test_the_tokenizer_has_the_hash_that_names_it(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder) as stub:
        wanted = (await embed(stub, ["x"])).model.tokenizer_fingerprint
        with calls.calling_as(CALLER):
            request = embedder_pb2.GetTokenizerRequest(tokenizer_fingerprint=wanted)
            pieces = [piece.data async for piece in stub.GetTokenizer(request, timeout=10)]
            with pytest.raises(NotFound):
                async with client_calls.translated():
                    stream = stub.GetTokenizer(embedder_pb2.GetTokenizerRequest(tokenizer_fingerprint="0"), timeout=10)
                    [_ async for _ in stream]
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == wanted


async def test_a_wrong_token_is_refused(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder, token="another") as stub:
        with pytest.raises(Unauthenticated):
            await embed(stub, ["x"])


async def test_a_call_without_context_is_refused(embedder: EmbedderProcess) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{embedder.grpc_port}") as channel:
        stub = embedder_pb2_grpc.EmbedderServiceStub(channel)  # type: ignore[no-untyped-call]
        request = embedder_pb2.EmbedRequest(texts=["x"], purpose=embedder_pb2.PURPOSE_QUERY)
        with pytest.raises(InvalidInput) as error:
            async with client_calls.translated():
                await stub.Embed(request, timeout=10, metadata=(("authorization", f"Bearer {TOKEN}"),))
    assert error.value.reason == "call_context_missing"


def test_no_torch_is_in_the_process(embedder: EmbedderProcess) -> None:
    maps = Path(f"/proc/{embedder.process.pid}/maps").read_text()
    assert BACKEND in maps
    assert "libtorch" not in maps


def measured(embedder: EmbedderProcess) -> dict[str, float]:
    """The embedder's own metrics, by name and labels."""
    lines = (line.rsplit(" ", 1) for line in embedder.get("/metrics")[1].splitlines() if line.startswith("embedding_"))
    return {name: float(value) for name, value in lines}


async def test_metrics_count_texts_tokens_batches_and_queues(embedder: EmbedderProcess) -> None:
    before = measured(embedder)
    async with stub_of(embedder) as stub:
        await embed(stub, [WORD] * 3, caller=BULK)
    after = measured(embedder)
    grown_by = {"texts_total": 3, "tokens_total": 9, "batch_size_texts_sum": 3, "batch_fill_ratio_count": 1}
    for name, grown in {**grown_by, "wait_duration_seconds_count": 1, "padding_tokens_total": 0}.items():
        key = f'embedding_{name}{{lane="bulk"}}'
        assert after[key] - before.get(key, 0) == grown
    for gauge in (
        "queue_texts",
        "queue_tokens",
        "in_flight_texts",
        "in_flight_tokens",
        "running_texts",
        "running_tokens",
    ):
        assert after[f'embedding_{gauge}{{lane="bulk"}}'] == 0
    assert after['embedding_batch_budget_tokens{model="all-MiniLM-L6-v2"}'] in (128, 256, 512)


def settled(embedder: EmbedderProcess) -> dict[str, float]:
    """The metrics once nothing is in the embedder's hands any more."""
    while (now := measured(embedder))['embedding_in_flight_texts{lane="bulk"}'] > 0:
        assert embedder.process.poll() is None
    return now


async def test_texts_whose_call_ran_out_of_time_are_not_computed(embedder: EmbedderProcess) -> None:
    before = measured(embedder)
    async with stub_of(embedder) as stub:
        with pytest.raises(DeadlineExceeded), calls.deadline(0.5):
            await embed(stub, [WORD * 200] * 256, caller=BULK)
    after = settled(embedder)
    computed = 'embedding_texts_total{lane="bulk"}'
    assert after[computed] - before.get(computed, 0) < 256
    assert after['embedding_queue_texts{lane="bulk"}'] == 0


async def test_bulk_work_beyond_the_bound_is_refused_and_queries_go_on(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder) as stub:
        requests = [asyncio.create_task(embed(stub, [WORD * 200] * 1024, caller=BULK)) for _ in range(8)]
        _, under_way = await asyncio.wait(requests, return_when=asyncio.FIRST_EXCEPTION)
        assert len(rows(await embed(stub, ["a query"]))) == 1
        assert under_way
        for each in under_way:
            each.cancel()
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, Overloaded)]
    assert refused
    assert all(each.retry_after_seconds and each.retry_after_seconds >= 0.1 for each in refused)
    assert settled(embedder)['embedding_refused_texts_total{lane="bulk",reason="full"}'] == 1024 * len(refused)


async def test_a_model_that_cannot_be_served_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "all-MiniLM-L6-v2"
    folder.mkdir()
    with running(tmp_path) as process:
        process.wait_for("the model cannot be served")
        code, body = process.get("/health/ready")
        async with stub_of(process) as stub:
            with pytest.raises(Unavailable, match=r"lacks model\.safetensors"):
                await embed(stub, ["x"])
        folder.rmdir()
        process.wait_until_ready()
        assert process.get("/health/ready")[0] == 200
    assert code == 503
    assert "lacks model.safetensors" in body
