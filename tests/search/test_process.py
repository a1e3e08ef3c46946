"""The search role as it runs: a real process, a real engine process, a real embedder's socket."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tests.search import samples
from tests.search.samples import chunk, scope, search
from tests.search.suite import FakeEmbedder, SearchProcess, code_of, embedding

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.search.v1 import search_pb2, search_pb2_grpc
from lorekeep_chassis import calls, client_calls, errors

SPACE = samples.space("fp")


@pytest.fixture
async def embedder() -> AsyncIterator[tuple[FakeEmbedder, int]]:
    fake = FakeEmbedder("fp")
    async with embedding(fake) as port:
        yield fake, port


async def fill(role: SearchProcess, count: int = 3) -> None:
    await role.call("Prepare", search_pb2.PrepareRequest(space=SPACE))
    written = [chunk(f"duck number {number}", number) for number in range(count)]
    await role.call("Upsert", samples.upsert(SPACE, written))
    await role.call("Stamp", samples.stamp(SPACE, from_epoch=1))


async def test_it_writes_finds_lists_counts_and_removes(tmp_path: Path, embedder: tuple[FakeEmbedder, int]) -> None:
    fake, port = embedder
    async with SearchProcess(tmp_path, port) as role:
        assert {name: each["status"] for name, each in (await role.ready()).items()} == {
            "index": "ok",
            "embedder": "ok",
        }
        await fill(role)
        for mode in ("HYBRID", "DENSE", "LEXICAL"):
            answer = await role.call("Search", search(SPACE, "number 2", mode=mode))
            assert answer.hits[0].chunk == chunk("duck number 2", 2)
        request = search_pb2.ListChunksRequest(scope=scope(SPACE, version="ver"), limit=2)
        assert len((await role.call("ListChunks", request)).chunks) == 2
        assert (await role.call("Count", search_pb2.CountRequest(scope=scope(SPACE)))).chunk_count == 3
        assert (await role.call("Remove", search_pb2.RemoveRequest(scope=scope(SPACE)))).chunk_count == 3
        exposed = await role.metrics()
        assert 'kb_search_total{mode="lexical",status="ok"} 1.0' in exposed
        assert 'kb_search_duration_seconds_count{stage="embed"} 2.0' in exposed
    asked = fake.requests[0]
    assert (asked.purpose, asked.truncate, asked.expected_fingerprint) == (embedder_pb2.PURPOSE_QUERY, True, "fp")
    assert {each.lane for each in fake.contexts} == {calls.Lane.INTERACTIVE}
    assert {each.organisation_id for each in fake.contexts} == {samples.ORGANISATION}


async def test_other_organisations_and_callers_without_token_get_nothing(
    tmp_path: Path, embedder: tuple[FakeEmbedder, int]
) -> None:
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        await fill(role)
        assert not (await role.call("Search", search(SPACE, "duck"), samples.OTHER)).hits
        nobody = role.call("Search", search(SPACE, "duck"), "")
        assert await code_of(nobody) is grpc.StatusCode.PERMISSION_DENIED
        async with grpc.aio.insecure_channel(f"127.0.0.1:{role.facts['grpc_port']}") as bare:
            call = search_pb2_grpc.SearchServiceStub(bare).Search(search(SPACE, "duck"), timeout=5)
            assert await code_of(call) is grpc.StatusCode.UNAUTHENTICATED


async def test_mistakes_are_typed(tmp_path: Path, embedder: tuple[FakeEmbedder, int]) -> None:
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        await fill(role)
        wrong = search(SPACE, "duck", asked=samples.condition("a", "GT", "x"))
        cases = [
            (search(SPACE, "  "), errors.InvalidInput, "blank_query"),
            (wrong, errors.InvalidInput, "invalid_filter"),
            (search(SPACE, "x" * 8193), errors.InvalidInput, "invalid_input"),
            (search(SPACE, "duck", limit=101), errors.InvalidInput, "invalid_input"),
            (search(SPACE, "duck", targets=[samples.target()] * 101), errors.InvalidInput, "invalid_input"),
            (search(samples.space("other"), "duck"), errors.ModelMismatch, "model_mismatch"),
        ]
        for request, kind, reason in cases:
            with pytest.raises(kind) as caught:
                async with client_calls.translated():
                    await role.call("Search", request)
            assert caught.value.reason == reason


async def test_without_the_embedder_words_are_still_found(tmp_path: Path) -> None:
    fake = FakeEmbedder("fp")
    async with embedding(fake) as port:
        pass
    async with SearchProcess(tmp_path, port) as role:
        components = await role.ready()
        assert components["embedder"]["status"] == "degraded"
        await fill(role)
        assert (await role.call("Search", search(SPACE, "duck", mode="LEXICAL"))).hits
        hybrid = role.call("Search", search(SPACE, "duck"))
        assert await code_of(hybrid) is grpc.StatusCode.UNAVAILABLE
        async with embedding(fake, port):

            async def embedder_is_back() -> bool:
                return bool((await role.ready())["embedder"]["status"] == "ok")

            await samples.until(embedder_is_back)
            assert (await role.call("Search", search(SPACE, "duck"))).hits


async def test_sigterm_fails_no_search_under_way(tmp_path: Path, embedder: tuple[FakeEmbedder, int]) -> None:
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        await fill(role)
        under_way = [asyncio.create_task(role.call("Search", search(SPACE, "duck"))) for _ in range(60)]
        # The signal comes once the first have been answered, when the rest have arrived.
        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        assert await role.end() == 0
        answers = await asyncio.gather(*under_way)
        assert all(len(each.hits) == 3 for each in answers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_finds_the_data(tmp_path: Path, embedder: tuple[FakeEmbedder, int], number: int) -> None:
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        await fill(role, 100)
        engine = role.children()
        assert len(engine) == 1
        await role.end(number)

    async def has_gone() -> bool:
        return not alive(engine[0])

    await samples.until(has_gone)
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        assert len((await role.call("Search", search(SPACE, "duck", limit=100))).hits) == 100


async def test_the_engine_comes_back_when_it_is_killed(tmp_path: Path, embedder: tuple[FakeEmbedder, int]) -> None:
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        await fill(role)
        killed = role.children()[0]
        os.kill(killed, signal.SIGKILL)

        async def is_back() -> bool:
            searched = await code_of(role.call("Search", search(SPACE, "duck"))) is grpc.StatusCode.OK
            return searched and role.children() != [killed]

        await samples.until(is_back)
        assert len((await role.call("Search", search(SPACE, "duck"))).hits) == 3


async def test_the_service_process_loads_no_engine(tmp_path: Path, embedder: tuple[FakeEmbedder, int]) -> None:
    async with SearchProcess(tmp_path, embedder[1]) as role:
        await role.ready()
        mapped = maps(role.process.pid)
        assert "qdrant_edge" not in mapped
        assert "numpy" not in mapped
        engine = maps(role.children()[0])
        assert "qdrant_edge" in engine
        assert "cygrpc" not in engine


def maps(pid: int) -> str:
    """What a process has mapped, libraries among it."""
    return Path(f"/proc/{pid}/maps").read_text()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
