"""Vectors on their way into the cache, behind the answers that they were made for."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from lorekeep_embedder import metrics
from lorekeep_embedder.caching.kept_vector import KeptVector

MOST_BYTES = 16 * 1024 * 1024
# Values of one exchange: a millisecond of the event loop, and far less than Redis is given to answer.
_PORTION = 64


class Keeper(Protocol):
    """Keeps values for a while, as `RedisCache` does."""

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The values under keys, None where there is none or nobody answers."""

    async def put_many(self, values: Mapping[str, bytes]) -> bool:
        """Keeps values under keys; False where nobody took them."""


class VectorWrites:
    """Keeps vectors in the background while `run` runs. What is beyond `most_bytes` of waiting vectors is dropped.

    `waiting_bytes` are those of vectors that are not kept yet.
    """

    def __init__(self, keeper: Keeper, most_bytes: int = MOST_BYTES) -> None:
        self._keeper = keeper
        self._most_bytes = most_bytes
        self._waiting: deque[tuple[str, KeptVector]] = deque()
        self.waiting_bytes = 0
        self._news = asyncio.Event()

    def add(self, made: Sequence[tuple[str, KeptVector]]) -> None:
        """Takes vectors with their keys, and returns at once."""
        size = sum(each.vector.nbytes for _, each in made)
        if self.waiting_bytes + size > self._most_bytes:
            metrics.CACHE_DROPPED.inc(len(made))
            return
        self.waiting_bytes += size
        self._waiting += made
        self._news.set()

    async def run(self) -> None:
        """Keeps what comes, portion by portion, for ever."""
        while True:
            await self._news.wait()
            await self._keep([self._waiting.popleft() for _ in range(min(_PORTION, len(self._waiting)))])
            if not self._waiting:
                self._news.clear()

    async def _keep(self, portion: Sequence[tuple[str, KeptVector]]) -> None:
        taken = await self._keeper.put_many({key: each.packed() for key, each in portion})
        (metrics.CACHE_STORED if taken else metrics.CACHE_DROPPED).inc(len(portion))
        self.waiting_bytes -= sum(each.vector.nbytes for _, each in portion)
