"""What services keep in Redis for a while. Whatever Redis does, they go on: losing one value, or all, costs time alone.

Only roles whose image holds the redis package import this module, and only where they are given a Redis.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import TypeVar

from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from lorekeep_chassis import logs
from lorekeep_chassis.probes import Component

ERRORS = Counter("redis_cache_errors_total", "Calls to Redis that failed or took too long.")

_LOG = logs.logger(__name__)
# For a whole exchange, connecting and waiting for a connection included: what a slow Redis can cost a query, once.
LONGEST_SECONDS = 0.1
# After a failure Redis is left alone, so that its time-outs are not added to every call.
_REST_SECONDS = 2.0
_CONNECTIONS = 16
# Keys that Redis looks at in one step of a search for them: less than a millisecond of its time.
_SCAN_KEYS = 1000
_LONGEST_FORGETTING_SECONDS = 20.0

Answer = TypeVar("Answer")


class RedisCache:
    """Values under keys, each for `kept_seconds`. `purpose` is what health says of it.

    ValueError, which holds no part of the URL, where that is none of a Redis.
    """

    def __init__(self, url: str, *, kept_seconds: int, purpose: str, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=longest_seconds,
            socket_connect_timeout=longest_seconds,
            max_connections=_CONNECTIONS,
            retry=None,
        )
        self._kept_seconds = kept_seconds
        self._purpose = purpose
        self._longest_seconds = longest_seconds
        self._connections = asyncio.Semaphore(_CONNECTIONS)
        self._resting_until = 0.0

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The values of keys, in their order; None where there is none, and for all where Redis does not answer."""
        values = await self._asked(lambda: self._redis.mget(keys))
        return [each if isinstance(each, bytes) else None for each in values or [None] * len(keys)]

    async def put_many(self, values: Mapping[str, bytes]) -> bool:
        """Keeps values in one exchange; False where Redis did not take them."""
        pipeline = self._redis.pipeline(transaction=False)
        for key, value in values.items():
            pipeline.set(key, value, ex=self._kept_seconds)
        return await self._asked(pipeline.execute) is not None

    async def forget(self, prefix: str) -> int:
        """Removes what is kept under keys that begin so, which has none of the signs of a pattern; gives how many.

        What a search that is cut short leaves goes with its time to live.
        """
        until, cursor, count = monotonic() + _LONGEST_FORGETTING_SECONDS, 0, 0
        try:
            while monotonic() < until:
                cursor, keys = await self._redis.scan(cursor, match=f"{prefix}*", count=_SCAN_KEYS)
                count += int(await self._redis.unlink(*keys)) if keys else 0
                if not cursor:
                    break
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
        return count

    async def health(self) -> Component:
        """Degraded at worst: nobody needs a cache."""
        try:
            async with asyncio.timeout(self._longest_seconds):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
            detail = f"Redis does not answer ({type(error).__name__}); no {self._purpose}"
            return {"status": "degraded", "detail": detail}
        return {"status": "ok", "detail": self._purpose}

    async def close(self) -> None:
        """Ends its connections."""
        await self._redis.aclose()

    async def _asked(self, ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """The answer of Redis; None while it rests, and where it fails, which makes it rest."""
        if monotonic() < self._resting_until:
            return None
        try:
            async with asyncio.timeout(self._longest_seconds), self._connections:
                return await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
            return None

    def _rest(self, error: Exception) -> None:
        ERRORS.inc()
        if monotonic() >= self._resting_until:
            _LOG.warning("Redis does not answer", extra={"lorekeep": {"error": type(error).__name__}})
        self._resting_until = monotonic() + _REST_SECONDS
