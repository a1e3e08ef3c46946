"""Keeps one process alive: starts it, waits until it is ready, starts it again when it dies, ends it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from lorekeep_chassis.suite import probe, processes
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.plan import Process
from lorekeep_chassis.suite.state import Record

_LOG = logging.getLogger("lorekeep.suite")
_FIRST_DELAY_SECONDS, _LAST_DELAY_SECONDS = 0.2, 10.0
_LONG_LIFE_SECONDS = 30.0
_POLL_SECONDS = 0.15
_WRONG_SETTINGS = 2
_EXITS_BEFORE_READY = 5

Launch = Callable[[Process], Awaitable[asyncio.subprocess.Process]]


class Keeper:
    """One process of the plan and its record. `changed` is called whenever the record says something new.

    `ready` is set once it was ready for the first time; `reason` is why it was not when last asked.
    """

    def __init__(
        self, process: Process, record: Record, launch: Launch, log: Path, mark: str, changed: Callable[[], None]
    ) -> None:
        self.process, self.record = process, record
        self.ready = asyncio.Event()
        self.reason = "waits for others"
        self._launch, self._log, self._mark, self._changed = launch, log, mark, changed
        self._child: asyncio.subprocess.Process | None = None
        self._ending, self._ended = asyncio.Event(), asyncio.Event()
        self._ended.set()

    async def keep(self) -> None:
        """Returns once `stop` was called; StartFailed where the process never comes up."""
        self._ended.clear()
        try:
            delay = _FIRST_DELAY_SECONDS
            while not self._ending.is_set():
                begun = time.monotonic()
                await self._live_once()
                if time.monotonic() - begun >= _LONG_LIFE_SECONDS:
                    delay = _FIRST_DELAY_SECONDS
                await self._pause(delay)
                delay = min(delay * 2, _LAST_DELAY_SECONDS)
        finally:
            self._tell("ended")
            self._ended.set()

    async def stop(self, seconds: float) -> None:
        """Asks the process to end, and kills what is left of it after `seconds`. No new one is started."""
        self._ending.set()
        self._ask_to_end()
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            _LOG.warning("%s did not end in %.0f s and is killed", self.process.name, seconds)
            self._kill_rest()
            await self._ended.wait()

    async def _live_once(self) -> None:
        child = self._child = await self._launch(self.process)
        self.record.begin(child.pid)
        self._changed()
        if self._ending.is_set():
            self._ask_to_end()
        watch = asyncio.create_task(self._watch())
        code = await child.wait()
        watch.cancel()
        self._kill_rest()
        self._note_exit(code)

    async def _watch(self) -> None:
        while True:
            self.reason = await probe.ask(self.process.probe)
            if not self.reason:
                break
            await asyncio.sleep(_POLL_SECONDS)
        self._tell("ready")
        self.ready.set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            self.record.restarts += 1

    def _note_exit(self, code: int) -> None:
        if self._ending.is_set():
            return
        _LOG.warning("%s (pid %d) ended with %d", self.process.name, self.record.pid, code)
        self._tell("restarting")
        hopeless = code == _WRONG_SETTINGS or self.record.restarts + 1 >= _EXITS_BEFORE_READY
        if hopeless and not self.ready.is_set():
            raise StartFailed(f"{self.process.name} ended with {code} before it was ready.", self._log)

    def _ask_to_end(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(self.process.stop_signal)

    def _kill_rest(self) -> None:
        """The process where it still runs, its group, and children that left the group."""
        if self._child is not None:
            processes.kill_group(self._child.pid)
        for pid in processes.marked(self._mark):
            processes.send(pid, 9)

    def _tell(self, state: str) -> None:
        self.record.state = state
        self._changed()
