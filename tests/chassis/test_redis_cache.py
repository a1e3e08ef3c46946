"""The cache in Redis, before a real Redis that is slow, full, dead or back again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from lorekeep_chassis import cache_keys
from lorekeep_chassis.redis_cache import RedisCache
from tests import redis_server


@asynccontextmanager
async def cache_at(url: str) -> AsyncIterator[RedisCache]:
    cache = redis_server.cache(url)
    try:
        yield cache
    finally:
        await cache.close()


def failures() -> float:
    return REGISTRY.get_sample_value("redis_cache_errors_total") or 0.0


async def test_many_values_come_back_in_order_and_go_with_their_time(tmp_path: Path) -> None:
    async with redis_server.running(tmp_path) as server, cache_at(server.url) as cache:
        assert await cache.put_many({"a": b"1", "b": b"\x00\xff"})
        assert await cache.get_many(["b", "none", "a", "b"]) == [b"\x00\xff", None, b"1", b"\x00\xff"]
        redis: Redis = Redis.from_url(server.url)
        assert 0 < await redis.ttl("a") <= 60
        await redis.lpush("a list", "x")
        assert await cache.get_many(["a list", "a"]) == [None, b"1"]
        await redis.aclose()


async def test_more_calls_at_once_than_connections_are_all_answered(tmp_path: Path) -> None:
    async with redis_server.running(tmp_path) as server, cache_at(server.url) as cache:
        await cache.put_many({"a": b"1"})
        before = failures()
        assert await asyncio.gather(*(cache.get_many(["a"]) for _ in range(60))) == [[b"1"]] * 60
        assert failures() == before
        redis: Redis = Redis.from_url(server.url)
        assert len(await redis.client_list()) <= 17
        await redis.aclose()


async def test_a_redis_that_dies_is_left_alone_and_found_again(tmp_path: Path) -> None:
    async with redis_server.running(tmp_path) as server, cache_at(server.url) as cache:
        assert await cache.put_many({"a": b"1"})
        await server.kill()
        before = failures()
        for _ in range(5):
            assert await cache.get_many(["a", "b"]) == [None, None]
            assert not await cache.put_many({"a": b"1"})
        assert failures() == before + 1
        assert await cache.health() == {
            "status": "degraded",
            "detail": "Redis does not answer (ConnectionError); no things",
        }
        await server.start()
        await redis_server.until(lambda: cache.put_many({"a": b"2"}))
        assert await cache.get_many(["a"]) == [b"2"]
        assert (await cache.health())["status"] == "ok"


async def test_a_redis_that_never_answers_is_asked_once() -> None:
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    cache = RedisCache(url, kept_seconds=60, purpose="things")
    async with server:
        for _ in range(20):
            assert await cache.get_many(["a"]) == [None]
        await cache.close()
    assert asked == 1


async def test_a_redis_without_room_takes_nothing(tmp_path: Path) -> None:
    async with redis_server.running(tmp_path) as server, cache_at(server.url) as cache:
        redis: Redis = Redis.from_url(server.url)
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", "1")
        assert not await cache.put_many({"a": b"1"})
        await redis.aclose()


@given(organisations=st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_no_key_of_an_organisation_begins_as_anothers(organisations: list[str]) -> None:
    one, other = organisations
    key = cache_keys.of_text(one, "embedder", "fp", text="a text")
    assert key.startswith(cache_keys.of_organisation(one))
    assert not key.startswith(cache_keys.of_organisation(other))
    assert not set(cache_keys.of_organisation(one)) & set("*?[]\\^")
