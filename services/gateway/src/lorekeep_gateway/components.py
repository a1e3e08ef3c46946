"""The state of everything that the gateway needs, asked in parallel and under two seconds each."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from lorekeep_chassis.errors import LorekeepError
from lorekeep_chassis.probes import Component
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.store import schema
from lorekeep_gateway.store.database import Database

_CHECK_SECONDS = 1.9
_FRESH_SECONDS = 1.0
SERVICES = ("parser", "embedder", "search")

Check = Callable[[], Awaitable[str]]


class Components:
    """Knows how each component is. A check gives a detail when all is well and raises when it is not."""

    def __init__(self, checks: dict[str, Check], losable: frozenset[str] = frozenset()) -> None:
        self._checks = checks
        self._losable = losable
        self._states: dict[str, Component] = {}
        self._asked_at = 0.0
        self._lock = asyncio.Lock()

    async def states(self) -> dict[str, Component]:
        """The state of each component, at most a second old; callers at once share one round of checks."""
        async with self._lock:
            if not self._states or monotonic() - self._asked_at > _FRESH_SECONDS:
                states = await asyncio.gather(*(self._state(name) for name in self._checks))
                self._states = dict(zip(self._checks, states, strict=True))
                self._asked_at = monotonic()
        return self._states

    async def _state(self, name: str) -> Component:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return {"status": "ok", "detail": await self._checks[name]()}
        except TimeoutError:
            detail = "does not answer in time"
        except LorekeepError as error:
            detail = error.message
        except (OSError, RedisError) as error:
            detail = type(error).__name__
        return {"status": "degraded" if name in self._losable else "failed", "detail": detail}


class NotServing(LorekeepError):
    """A component answers that it does not serve."""


def of(database: Database, blobs: Blobs, callees: Callees, redis_url: str | None) -> Components:
    """The components of a gateway."""
    checks: dict[str, Check] = {"postgres": lambda: _schema(database), "blobs": lambda: _blobs(blobs)}
    for role in SERVICES:
        checks[role] = _serving(callees, role)
    if redis_url:
        checks["redis"] = lambda: _redis(redis_url)
    return Components(checks, frozenset({"redis"}))


async def _schema(database: Database) -> str:
    """The schema must have what this code needs; a database that is further on is fine."""
    async with database.session() as session:
        if not await session("schema_recorded"):
            raise NotServing("has no schema yet; run `lorekeep db create`")
        applied = {row["version"] for row in await session("schema_versions")}
    lacking = schema.missing(applied)
    if lacking:
        raise NotServing(f"lacks {', '.join(lacking)}; run `lorekeep db upgrade`")
    return "schema is current"


async def _blobs(blobs: Blobs) -> str:
    await blobs.ping()
    return "answers"


def _serving(callees: Callees, role: str) -> Check:
    async def check() -> str:
        if not await callees.healthy(role):
            raise NotServing("does not serve")
        return "serves"

    return check


async def _redis(url: str) -> str:
    async with Redis.from_url(url, socket_timeout=_CHECK_SECONDS, socket_connect_timeout=_CHECK_SECONDS) as redis:
        await redis.ping()
    return "answers"
