"""The storm from its beginning to its judgment."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lorekeep_sdk import AsyncLorekeep
from tests.chaos.census import Census, listed
from tests.chaos.client import Client, Watcher, send
from tests.chaos.judge import Chunk, Promise, Story, Tally, judge_chunks, judge_end, judge_leftovers
from tests.chaos.killer import Killer
from tests.chaos.script import OWNERS, Content, End, Item
from tests.chaos.searcher import Searcher
from tests.chaos.world import CALM, COLLECTION, World

_SEARCHERS_AN_OWNER = 2
_QUIET_SECONDS = 300.0
_TOLD_SECONDS = 5.0
_CALM_AT_ONCE = 8
_STEP_SECONDS = 0.1

Say = Callable[[str], None]


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

    async def _undisturbed(self) -> dict[str, list[Chunk]]:
        """The chunks of every content that shall be visible at the end, by its key."""
        contents = {item.editions[-1].key: item for item in self._items if item.end in (End.READY, End.CANCELLED)}
        gate = asyncio.Semaphore(_CALM_AT_ONCE)
        async with AsyncLorekeep(self._world.suite.url, self._world.owners[CALM].key) as client:
            await client.collections.create(CALM)

            async def one(key: str, item: Item) -> tuple[str, list[Chunk]]:
                async with gate:
                    return key, await _calmly(client, item, item.editions[-1])

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

    async def _judged(self, undisturbed: dict[str, list[Chunk]]) -> None:
        stories = self.client.stories
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

    async def _judge(self, client: AsyncLorekeep, story: Story, undisturbed: dict[str, list[Chunk]]) -> None:
        item, seen = story.item, await self._census.outcome(client, story)
        judge_end(self.tally, story, seen)
        self.report.ends[f"{seen.status} {seen.reason}".strip()] += 1
        self.tally.check(Promise.ACCEPTED, len(story.jobs) == len(item.editions), f"{item.document_id} was not taken")
        if seen.status == "ready":
            found = await listed(client, COLLECTION, item.document_id)
            kept = await self._census.kept(item.owner, item.document_id)
            judge_chunks(self.tally, item.document_id, found, undisturbed.get(item.editions[-1].key, []), kept)


async def _until(so: Callable[[], bool], seconds: float = float("inf")) -> None:
    """Returns once it is so, or after `seconds`."""
    end = time.monotonic() + seconds
    while not so() and time.monotonic() < end:  # noqa: ASYNC110 - several tasks count, none would ring
        await asyncio.sleep(_STEP_SECONDS)


async def _calmly(client: AsyncLorekeep, item: Item, content: Content) -> list[Chunk]:
    answer = await send(client, CALM, item, content)()
    job = await client.jobs.wait(answer["job"]["id"], timeout_seconds=300)
    assert job["status"] == "succeeded", f"{item.document_id} fails undisturbed: {job}"
    return [chunk for _, chunk in await listed(client, CALM, item.document_id)]
