"""Query vectors in Redis. Whatever Redis does, a search goes on: at worst it embeds its query again."""

import re
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from lorekeep_chassis import logs
from lorekeep_chassis.probes import Component

_LOG = logs.logger(__name__)
_KEPT_SECONDS = 2 * 60 * 60
_SOCKET_SECONDS = 0.1
# After a failure Redis is left alone, so that its time-outs are not added to every search.
_REST_SECONDS = 2.0
_CONNECTIONS = 32
# Keys that Redis looks at in one step of a search for them: less than a millisecond of its time.
_SCAN_KEYS = 1000
_LONGEST_FORGETTING_SECONDS = 20.0
_GLOB = re.compile(r"([\\*?\[\]^-])")


class RedisCache:
    """A `VectorCache` in Redis."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=_SOCKET_SECONDS,
            socket_connect_timeout=_SOCKET_SECONDS,
            max_connections=_CONNECTIONS,
            retry=None,
        )
        self._resting_until = 0.0

    async def get(self, key: str) -> bytes | None:
        if monotonic() < self._resting_until:
            return None
        try:
            value = await self._redis.get(key)
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
            return None
        return value if isinstance(value, bytes) else None

    async def put(self, key: str, vector: bytes) -> None:
        if monotonic() < self._resting_until:
            return
        try:
            await self._redis.set(key, vector, ex=_KEPT_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)

    async def forget(self, prefix: str) -> int:
        """What a scan that is cut short leaves goes with its time to live."""
        until, cursor, count = monotonic() + _LONGEST_FORGETTING_SECONDS, 0, 0
        try:
            while monotonic() < until:
                cursor, keys = await self._redis.scan(cursor, match=_GLOB.sub(r"\\\1", prefix) + "*", count=_SCAN_KEYS)
                count += int(await self._redis.unlink(*keys)) if keys else 0
                if not cursor:
                    break
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
        return count

    async def health(self) -> Component:
        """Degraded at worst: searches need no cache."""
        try:
            await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            self._rest(error)
            return {"status": "degraded", "detail": f"Redis does not answer ({type(error).__name__}); no query cache"}
        return {"status": "ok", "detail": "query cache"}

    async def close(self) -> None:
        await self._redis.aclose()

    def _rest(self, error: Exception) -> None:
        if monotonic() >= self._resting_until:
            _LOG.warning("Redis does not answer", extra={"lorekeep": {"error": type(error).__name__}})
        self._resting_until = monotonic() + _REST_SECONDS
