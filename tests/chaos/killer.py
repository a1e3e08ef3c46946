"""Kills and stops processes of every kind, one after the other, in an order that a seed decides."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

from lorekeep_chassis.suite import probe, processes
from lorekeep_chassis.suite.state import Record
from tests.chaos.world import LEASE_SECONDS, World

# Each kind once, those that hold most state twice.
_DECK = (
    *("ingest", "ingest", "ingest paused", "ingest paused", "search", "search's engine", "postgres"),
    *("gateway", "embedder", "parser", "parser's child", "redis"),
)
_RECOVERY_SECONDS = 60.0
_LOOK_SECONDS = 0.1


class Killer:
    """`kills` strikes; `turn` is waited for before each, with its number from 0. `done` counts by kind."""

    def __init__(self, world: World, chance: Random, kills: int, turn: Callable[[int], Awaitable[None]]) -> None:
        self._world = world
        self._chance = chance
        self._turn = turn
        self._kinds = self._dealt(kills)
        self.done: Counter[str] = Counter()
        self.struck = 0

    async def run(self) -> None:
        """Strikes until all is done, then waits until everything runs again."""
        for number, kind in enumerate(self._kinds):
            await self._turn(number)
            await asyncio.sleep(self._chance.uniform(0, 1.5))
            record = await self._struck(kind)
            self.struck += 1
            if record is not None and self._chance.random() < 0.75:
                await self._recovered(record)
        await self.recovered()

    async def recovered(self) -> None:
        """Returns once every process is ready, or some time later."""
        for record in self._world.records():
            await self._recovered(record)

    def _dealt(self, kills: int) -> list[str]:
        dealt: list[str] = []
        while len(dealt) < kills:
            deck = list(_DECK)
            self._chance.shuffle(deck)
            dealt += deck
        return dealt[:kills]

    async def _struck(self, kind: str) -> Record | None:
        """The process that was struck, None where there is none of its kind."""
        role = kind.split("'", maxsplit=1)[0].split(maxsplit=1)[0]
        alive = [each for each in self._world.records() if each.role == role and each.is_alive]
        if not alive:
            return None
        record = self._chance.choice(alive)
        if kind.endswith("paused"):
            await _pause(record, LEASE_SECONDS + self._chance.uniform(1, 4))
        elif "'" in kind:
            below = processes.descendants(record.pid)
            if not below:
                return None
            _kill(self._chance.choice(below))
        else:
            _kill(record.pid)
        self.done[kind] += 1
        return record

    async def _recovered(self, struck: Record) -> None:
        until = time.monotonic() + _RECOVERY_SECONDS
        while time.monotonic() < until:
            now = next((each for each in self._world.records() if each.name == struck.name), None)
            if now and now.is_alive and now.state == "ready" and not await probe.ask(now.probe):
                return
            await asyncio.sleep(_LOOK_SECONDS)


async def _pause(record: Record, seconds: float) -> None:
    with suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if record.is_alive:
                os.kill(record.pid, signal.SIGCONT)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
