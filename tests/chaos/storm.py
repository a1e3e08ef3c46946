"""The storm from its beginning to its judgment."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lorekeep_sdk import AsyncLorekeep, NotFound
from tests.chaos.census import Census, listed
from tests.chaos.client import Client, Watcher, send
from tests.chaos.judge import (
    Child,
    Chunk,
    Promise,
    Story,
    Tally,
    judge_children,
    judge_chunks,
    judge_end,
    judge_leftovers,
)
from tests.chaos.killer import Killer
from tests.chaos.script import OWNERS, End, Item
from tests.chaos.searcher import Searcher
from tests.chaos.world import CALM, World

_SEARCHERS_AN_OWNER = 2
_QUIET_SECONDS = 300.0
_TOLD_SECONDS = 5.0
_CALM_AT_ONCE = 8
_STEP_SECONDS = 0.1

Say = Callable[[str], None]
# Chunks of a document and of each inside of it, by its public id behind the document's; its own is "".
Chunks = dict[str, list[Chunk]]


@dataclass
class Report:
    """What came of it."""

    seed: int
    tally: Tally
    kills: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)


class Storm:
    """One run over one world. `items` are sent while `kills` processes are struck."""

    def __init__(self, world: World, seed: int, items: list[Item], kills: int, say: Say) -> None:
        self._world, self._items, self._kills, self._say = world, items, kills, say
        self.tally = Tally()
        self.client = Client(world, items, self.tally)
        self._watcher = Watcher(world, self.client.stories)
        self._killer = Killer(world, Random(f"{seed} killer"), kills, self._kill_turn)
        self._searchers = [
            Searcher(world, owner, self.client.stories, self.tally, Random(f"{seed} {owner} {number}"))
            for owner in OWNERS
            for number in range(_SEARCHERS_AN_OWNER)
        ]
        self._census = Census(world)
        self._children: dict[tuple[str, str], list[Child]] = {}
        self.report = Report(seed, self.tally)

    async def run(self) -> Report:
        """The undisturbed run, the storm, the quiet after it, the judgment."""
        undisturbed = await self._timed("undisturbed", self._undisturbed())
        await self._timed("storm", self._storm())
        await self._timed("quiet", self._quiet())
        await self._timed("judgment", self._judged(undisturbed))
        self.report.kills, self.report.troubles = self._killer.done, self.client.troubles
        for searcher in self._searchers:
            self.report.answers += searcher.outcomes
        return self.report

    async def _timed(self, name: str, work: Any) -> Any:
        begun = time.monotonic()
        self._say(f"{name}: begins")
        try:
            return await work
        finally:
            self.report.seconds[name] = round(time.monotonic() - begun, 1)

    async def _undisturbed(self) -> dict[tuple[str, str], Chunks]:
        """The chunks of every content that shall be visible at the end, by its key."""
        contents = {item.key: item for item in self._items if item.end in (End.READY, End.CANCELLED)}
        gate = asyncio.Semaphore(_CALM_AT_ONCE)
        async with AsyncLorekeep(self._world.suite.url, self._world.owners[CALM].key) as client:
            await self._world.collections(client)

            async def one(key: tuple[str, str], item: Item) -> tuple[tuple[str, str], Chunks]:
                async with gate:
                    return key, await _calmly(client, item)

            found = await asyncio.gather(*(one(key, item) for key, item in contents.items()))
        return dict(found)

    async def _storm(self) -> None:
        beside = [self._watcher.run(), self._progress(), *(each.run() for each in self._searchers)]
        tasks = [asyncio.create_task(each) for each in beside]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.client.run(self._document_turn))
                group.create_task(self._killer.run())
            await _until(lambda: self._watcher.ended == len(self._items), _QUIET_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

    async def _kill_turn(self, number: int) -> None:
        """A strike waits until its share of the documents is on the way, so that there is always something to hit."""
        share = (number + 1) * len(self._items) // max(self._kills, 1)
        await _until(lambda: self.client.started >= share)
        for searcher in self._searchers:
            searcher.last_kill = time.monotonic()

    async def _document_turn(self, number: int) -> None:
        """A document waits for the strikes that lie before its share, so that they spread over all documents."""
        share = number * self._kills // len(self._items)
        await _until(lambda: self._killer.struck >= share)

    async def _progress(self) -> None:
        begun = time.monotonic()
        while True:
            await asyncio.sleep(_TOLD_SECONDS)
            answers = sum(sum(each.outcomes.values()) for each in self._searchers)
            self._say(
                f"{time.monotonic() - begun:4.0f} s  kills {self._killer.struck}/{self._kills}"
                f"  documents {self._watcher.ended}/{len(self._items)} ended, {self.client.started} sent"
                f"  searches {answers}  violations {self.tally.violation_count}"
            )

    async def _quiet(self) -> None:
        await self._killer.recovered()
        if not await self._census.quiet(_QUIET_SECONDS):
            self._say("it does not become quiet")
        await self._watcher.look()

    async def _judged(self, undisturbed: dict[tuple[str, str], Chunks]) -> None:
        stories, self._children = self.client.stories, await self._census.children()
        for owner in OWNERS:
            key = self._world.owners[owner].key
            async with AsyncLorekeep(self._world.suite.url, key) as client:
                for story in stories:
                    if story.item.owner == owner:
                        await self._judge(client, story, undisturbed)
        for owner in OWNERS:
            last = Searcher(self._world, owner, stories, self.tally, Random(0))
            self._searchers.append(last)
            await last.last_look()
        judge_leftovers(self.tally, await self._census.leftovers(stories))

    async def _judge(self, client: AsyncLorekeep, story: Story, undisturbed: dict[tuple[str, str], Chunks]) -> None:
        item, seen = story.item, await self._census.outcome(client, story)
        judge_end(self.tally, story, seen)
        self.report.ends[f"{seen.status} {seen.reason}".strip()] += 1
        self.tally.check(Promise.ACCEPTED, len(story.jobs) == len(item.editions), f"{item.document_id} was not taken")
        inside = self._children.get((item.owner, item.document_id), [])
        judge_children(self.tally, story, seen, inside)
        self.report.ends.update(f"inside: {each.status} {each.reason}".strip() for each in inside)
        if seen.status == "ready":
            wanted = undisturbed.get(item.key, {})
            for path in ["", *(each.path for each in inside if each.status == "ready")]:
                name = _name(item, path)
                found = await listed(client, item.collection, name)
                judge_chunks(self.tally, name, found, wanted.get(path, []), await self._census.kept(item.owner, name))


async def _until(so: Callable[[], bool], seconds: float = float("inf")) -> None:
    """Returns once it is so, or after `seconds`."""
    end = time.monotonic() + seconds
    while not so() and time.monotonic() < end:  # noqa: ASYNC110 - several tasks count, none would ring
        await asyncio.sleep(_STEP_SECONDS)


async def _calmly(client: AsyncLorekeep, item: Item) -> Chunks:
    content = item.editions[-1]
    answer = await send(client, item, content)()
    job = await client.jobs.wait(answer["job"]["id"], timeout_seconds=300)
    assert job["status"] == "succeeded", f"{item.document_id} fails undisturbed: {job}"
    found = {}
    for path in ["", *(each.path for each in content.inside if not each.reason)]:
        await _ready(client, item.collection, _name(item, path))
        found[path] = [chunk for _, chunk in await listed(client, item.collection, _name(item, path))]
    return found


async def _ready(client: AsyncLorekeep, collection: str, document_id: str) -> None:
    end = time.monotonic() + _QUIET_SECONDS
    status = ""
    while status != "ready" and time.monotonic() < end:
        try:
            status = (await client.documents.get(collection, document_id))["status"]
        except NotFound:
            status = "not there yet"
        await asyncio.sleep(0 if status == "ready" else _STEP_SECONDS)
    assert status == "ready", f"{document_id} is {status} undisturbed"


def _name(item: Item, path: str) -> str:
    return f"{item.document_id}/{path}" if path else item.document_id
