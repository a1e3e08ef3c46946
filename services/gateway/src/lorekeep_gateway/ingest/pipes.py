"""Bounded pipes between stages that run beside each other, and their common end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class Pipe(Generic[Item]):
    """Carries items from one stage to the next; a full pipe holds the giver back."""

    def __init__(self, room: int) -> None:
        self._queue: asyncio.Queue[Item | None] = asyncio.Queue(room)

    async def put(self, item: Item) -> None:
        """Gives an item, once there is room."""
        await self._queue.put(item)

    async def close(self) -> None:
        """Says that no more comes."""
        await self._queue.put(None)

    def abandon(self) -> None:
        """Ends it at once for whoever takes from it, whatever is still inside."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Item]:
        while (item := await self._queue.get()) is not None:
            yield item


async def together(*steps: Coroutine[Any, Any, None]) -> None:
    """Runs steps beside each other; the first failure ends the others and is what comes out."""
    failures: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(_noting(step, failures))
    except BaseExceptionGroup:
        raise failures[0] from None


async def beside(work: Coroutine[Any, Any, None], watch: Coroutine[Any, Any, None]) -> None:
    """Runs `work` to its end while `watch` runs; a failure of either ends both."""

    async def worked(watching: "asyncio.Task[None]") -> None:
        try:
            await work
        finally:
            watching.cancel()

    failures: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_noting(watch, failures))
            group.create_task(_noting(worked(watching), failures))
    except BaseExceptionGroup:
        raise failures[0] from None


async def _noting(step: Coroutine[Any, Any, None], failures: list[BaseException]) -> None:
    try:
        await step
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        failures.append(error)
        raise
