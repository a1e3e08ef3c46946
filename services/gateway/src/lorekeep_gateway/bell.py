"""Wakes whoever waits for news: workers for jobs, callers for a job's progress.

Rung through Redis, so that it is heard in every process, and heard at once in this one. It may always go unheard:
whoever waits looks for itself after a while, so a Redis that is away costs time and nothing else.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from lorekeep_chassis import logs

WORK = "work"
_CHANNEL = "lorekeep:bell"
_ANSWER_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
_LOG = logs.logger(__name__)


class Bell:
    """Rings and hears topics: `WORK` when there may be a job to claim, a job's id when something of it changed."""

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    async def ring(self, topic: str) -> None:
        """Wakes those who wait for `topic`, here and elsewhere; never fails."""
        self._heard(topic)
        if self._redis is None:
            return
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._redis.publish(_CHANNEL, topic)
        except (RedisError, OSError, TimeoutError):
            _LOG.debug("a ring went unheard", extra={"lorekeep": {"topic": topic}})

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set by every ring of `topic` while inside; the waiter clears it before it looks."""
        event = asyncio.Event()
        self._waiting[topic].add(event)
        try:
            yield event
        finally:
            self._waiting[topic].discard(event)
            if not self._waiting[topic]:
                del self._waiting[topic]

    async def run(self) -> None:
        """Hears what other processes ring, for ever; subscribes anew when Redis comes back."""
        pause = _ANSWER_SECONDS
        while self._redis is not None:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(_CHANNEL)
                    pause = _ANSWER_SECONDS
                    self._heard_all()  # what was rung while nobody listened
                    async for message in subscription.listen():
                        self._heard(message["data"].decode(errors="replace"))
            except (RedisError, OSError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _heard(self, topic: str) -> None:
        for event in self._waiting.get(topic, ()):
            event.set()

    def _heard_all(self) -> None:
        for topic in list(self._waiting):
            self._heard(topic)


async def heard(event: asyncio.Event, seconds: float) -> None:
    """Waits until the bell rings, at most `seconds`; clears the event for the next time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    event.clear()


@asynccontextmanager
async def hung(redis_url: str | None) -> AsyncIterator[Bell]:
    """A bell that hears while inside; without a URL it rings in this process alone."""
    redis = None if redis_url is None else Redis.from_url(redis_url, socket_connect_timeout=_ANSWER_SECONDS)
    bell = Bell(redis)
    hearing = asyncio.create_task(bell.run())
    try:
        yield bell
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        if redis is not None:
            await redis.aclose()
