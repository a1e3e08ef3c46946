"""A running embedder over a running Redis."""

from pathlib import Path

from lorekeep_chassis import calls
from tests import redis_server
from tests.embedder.processes import EmbedderProcess, embed, running, stub_of

OTHER = calls.CallContext("org_b", "col_b", "key_b", calls.Lane.INTERACTIVE)
BULK = calls.CallContext("org_a", "col_a", "job_a", calls.Lane.BULK)
TEXTS = ["a cat sat on the mat", "quarterly revenue"]


def counted(embedder: EmbedderProcess, name: str) -> float:
    """The sum of a counter over its labels."""
    lines = embedder.get("/metrics")[1].splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}_total"))


async def test_texts_are_embedded_once_an_organisation_and_redis_may_die(tmp_path: Path, models_path: Path) -> None:
    async with redis_server.running(tmp_path) as server:
        with running(models_path, LOREKEEP_SESSIONS="1", LOREKEEP_REDIS_URL=server.url) as embedder:
            embedder.wait_until_ready()

            async def stored() -> bool:
                return counted(embedder, "embedding_cache_stored") == 2

            async with stub_of(embedder) as stub:
                first = await embed(stub, TEXTS)
                await redis_server.until(stored)
                assert await embed(stub, TEXTS) == first
                assert (await embed(stub, TEXTS[::-1])).token_count == first.token_count
                assert counted(embedder, "embedding_texts") == 2
                assert (await embed(stub, TEXTS, caller=OTHER)).vectors == first.vectors
                await embed(stub, TEXTS, caller=BULK)
                assert counted(embedder, "embedding_texts") == 6
                assert counted(embedder, "embedding_cache_hits") == 4
                await server.kill()
                assert (await embed(stub, TEXTS)).token_count == first.token_count
                assert counted(embedder, "redis_cache_errors") > 0

            async def degraded() -> bool:
                return '"redis": {"status": "degraded"' in embedder.get("/health/ready")[1]

            await redis_server.until(degraded)
            assert embedder.get("/health/ready")[0] == 200
            assert not any(text in str(embedder.lines) for text in (*TEXTS, server.url))


async def test_an_embedder_is_ready_without_the_redis_that_it_is_told_of(tmp_path: Path, models_path: Path) -> None:
    url = f"unix://{tmp_path}/nowhere.sock"
    with running(models_path, LOREKEEP_SESSIONS="1", LOREKEEP_REDIS_URL=url) as embedder:
        embedder.wait_until_ready()
        async with stub_of(embedder) as stub:
            assert (await embed(stub, TEXTS)).model.name == "all-MiniLM-L6-v2"
