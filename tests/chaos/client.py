"""What users do: documents go in through the SDK, with its retries, and are updated, cancelled and deleted."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from lorekeep_sdk import AsyncLorekeep, Conflict, LorekeepApiError, LorekeepError, NotFound
from tests.chaos.judge import Promise, Story, Tally
from tests.chaos.script import Content, End, Item
from tests.chaos.world import World

_PATIENCE_SECONDS = 60.0
_TRIES = 5
_AT_ONCE = 12


class Client:
    """Sends the documents of all owners. `stories` is what became known of each."""

    def __init__(self, world: World, items: list[Item], tally: Tally) -> None:
        self._world, self._items, self._tally = world, items, tally
        self.stories = [Story(item) for item in items]
        self.started = 0
        self.troubles: Counter[str] = Counter()
        self._clients: dict[str, AsyncLorekeep] = {}

    async def run(self, turn: Callable[[int], Awaitable[None]]) -> None:
        """Sends everything, some at once, each after its `turn`; returns when all was accepted and done."""
        url, owners = self._world.suite.url, {each.owner for each in self._items}
        keys = {name: self._world.owners[name].key for name in owners}
        self._clients = {
            name: AsyncLorekeep(url, key, deadline_seconds=_PATIENCE_SECONDS) for name, key in keys.items()
        }
        waiting: asyncio.Queue[int] = asyncio.Queue()
        for number in range(len(self._items)):
            waiting.put_nowait(number)

        async def sender() -> None:
            while not waiting.empty():
                number = waiting.get_nowait()
                await turn(number)
                self.started += 1
                try:
                    await self._live(self.stories[number])
                except LorekeepError as error:
                    self._tally.check(Promise.ACCEPTED, False, f"{self._items[number].document_id} given up: {error}")
                    self.stories[number].over = True

        try:
            for client in self._clients.values():
                await self._world.collections(client)
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(sender())
        finally:
            for client in self._clients.values():
                await client.close()

    async def _live(self, story: Story) -> None:
        """One document from its upload to the last that is done to it."""
        item, client = story.item, self._clients[story.item.owner]
        for edition, content in enumerate(item.editions, start=1):
            story.sent[edition] = time.monotonic()
            answer = await self._surely(send(client, item, content))
            story.jobs[edition] = answer["job"]["id"]
            if edition < len(item.editions) or item.end in (End.CANCELLED, End.DELETED):
                await asyncio.sleep(item.pause_seconds)
        if item.end is End.CANCELLED:
            await self._surely(lambda: _cancelled(client, story.jobs[1]))
        if item.end is End.DELETED:
            story.delete_began = time.monotonic()
            await self._surely(lambda: _deleted(client, item))
            story.deleted = time.monotonic()
        story.over = True

    async def _surely(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of a call, repeated as it is; a refusal that gives no reason to come back is a violation."""
        for number in range(_TRIES):
            try:
                answer = await call()
            except LorekeepError as error:
                self._note(error)
                if number == _TRIES - 1:
                    raise
            else:
                self._tally.check(Promise.TYPED, True, "")
                return answer
        raise AssertionError("the loop returns or raises")

    def _note(self, error: LorekeepError) -> None:
        self.troubles[type(error).__name__] += 1
        typed = not isinstance(error, LorekeepApiError) or (
            error.status in (503, 504) and not error.reason.startswith("http_")
        )
        self._tally.check(Promise.TYPED, typed, f"a client was told: {error}")


def send(client: AsyncLorekeep, item: Item, content: Content) -> Callable[[], Awaitable[Any]]:
    """The upload of one edition, always under one Idempotency-Key however often it is called."""
    collection = item.collection
    named: dict[str, Any] = {
        "document_id": item.document_id,
        "metadata": {"owner": item.owner},
        "idempotency_key": str(uuid4()),
    }
    if content.inline:
        return lambda: client.documents.add_text(collection, content.data.decode(), title=content.name, **named)
    return lambda: client.documents.add(collection, content.data, name=content.name, **named)


async def _cancelled(client: AsyncLorekeep, job_id: str) -> None:
    """Also where the job had ended before, by this wish or by itself."""
    try:
        await client.jobs.cancel(job_id)
    except Conflict:
        return


async def _deleted(client: AsyncLorekeep, item: Item) -> None:
    try:
        await client.documents.delete(item.collection, item.document_id)
    except NotFound:
        return


class Watcher:
    """Notes when jobs succeed, as soon as the database says so; counts what ended."""

    def __init__(self, world: World, stories: list[Story]) -> None:
        self._world, self._stories = world, stories
        self.ended = 0

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            await self.look()
            await asyncio.sleep(0.5)

    async def look(self) -> None:
        """Looks once."""
        rows = await self._world.rows("select id, status from jobs where finished_at is not null")
        if not rows:
            return
        states, now = {row["id"]: row["status"] for row in rows}, time.monotonic()
        for story in self._stories:
            for edition, job in list(story.jobs.items()):
                if states.get(job) == "succeeded":
                    story.shown.setdefault(edition, now)
        self.ended = sum(_has_ended(story, states) for story in self._stories)


def _has_ended(story: Story, states: dict[str, str]) -> bool:
    return story.over and (story.deleted is not None or all(job in states for job in story.jobs.values()))
