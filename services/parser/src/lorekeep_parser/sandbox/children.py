"""One document in one child: a bounded number at once, each with a wall deadline, each killed when nobody waits for it
or when nothing is heard of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from lorekeep_chassis import calls, logs
from lorekeep_chassis.errors import LorekeepError, Overloaded
from lorekeep_parser import failures, measures
from lorekeep_parser.sandbox import child_limits, frames, heartbeat, needs
from lorekeep_parser.sandbox.forking import Child, ForkServer
from lorekeep_parser.sandbox.frames import Kind
from lorekeep_parser.sandbox.needs import Need

_LOG = logs.logger(__name__)
_RETRY_AFTER_SECONDS = 2.0
# How long a document waits for a fork server that is starting, rather than be sent back and read in anew.
_PATIENCE_SECONDS = 30.0
# Signs of life that a child may give beyond one every `heartbeat.EVERY_SECONDS`. More are made to keep us busy.
_SPARE_BEATS = 16


class Slots:
    """How many documents are in hand; refuses more at once, never queues."""

    def __init__(self, count: int) -> None:
        self._free = count

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Holds one inside; Overloaded where none is free."""
        if self._free == 0:
            raise Overloaded("All readers are busy. Try again shortly.", retry_after_seconds=_RETRY_AFTER_SECONDS)
        self._free -= 1
        measures.CHILDREN.inc()
        try:
            yield
        finally:
            self._free += 1
            measures.CHILDREN.dec()


@dataclass(frozen=True)
class Clock:
    """The wall deadline of a document: `base_seconds`, more for many pages, never beyond the caller's own."""

    base_seconds: float

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Timeout]:
        """Bounds what runs inside; PARSE_TIMEOUT when it is over."""
        caller = calls.remaining_seconds()
        seconds = self.base_seconds if caller is None else min(self.base_seconds, caller)
        try:
            async with asyncio.timeout(seconds) as timeout:
                yield timeout
        except TimeoutError:
            raise failures.too_slow(seconds) from None

    def stretch(self, timeout: asyncio.Timeout, pages_total: int) -> None:
        """Adds the time of a long document, once its page count is known."""
        when, extra = timeout.when(), child_limits.extra_seconds(pages_total)
        if when is None or not extra:
            return
        caller = calls.remaining_seconds()
        latest = when + extra if caller is None else asyncio.get_running_loop().time() + caller
        timeout.reschedule(max(when, min(when + extra, latest)))

    @contextmanager
    def standing(self, timeout: asyncio.Timeout) -> Iterator[None]:
        """Stands still inside, where the caller is waited for: its time is bounded by its own deadline."""
        loop, when = asyncio.get_running_loop(), timeout.when()
        begun = loop.time()
        timeout.reschedule(None)
        try:
            yield
        finally:
            timeout.reschedule(None if when is None else when + loop.time() - begun)


class Children:
    """Gives jobs to children and their frames to the caller. A child of which nothing is heard for `silence_seconds`
    while it has something to do is given up."""

    def __init__(self, light: ForkServer, heavy: ForkServer, cpu_seconds: float, silence_seconds: float) -> None:
        self._light = light
        self._heavy = heavy
        self._cpu_seconds = cpu_seconds
        self._silence_seconds = silence_seconds

    def check(self) -> None:
        """Unavailable where no child could be had, said before a document is sent in vain."""
        self._light.checked()

    @asynccontextmanager
    async def working(self, job: dict[str, Any]) -> AsyncIterator["Work"]:
        """A child at work on `job`, one that has what the document needs; it is gone when the block ends, however it
        ends."""
        first = self._heavy if needs.likely_heavy(job["name"]) and self._heavy.ready.is_set() else self._light
        async with self._begun(first, job) as work:
            wanted = await work.wanted() if job["mode"] == "parse" else frozenset()
            if not wanted:
                yield work
                return
        server = self._heavy if Need.UNSTRUCTURED in wanted else self._light
        await server.up(_PATIENCE_SECONDS)
        async with self._begun(server, job | {"needs": sorted(wanted)}) as work:
            yield work

    @asynccontextmanager
    async def _begun(self, server: ForkServer, job: dict[str, Any]) -> AsyncIterator["Work"]:
        child = await server.fork(job["tokenizer"])
        try:
            work = Work(child, self._silence_seconds)
            await work.send(Kind.JOB, json.dumps(job | {"cpu_seconds": self._cpu_seconds}).encode())
            yield work
        finally:
            await asyncio.shield(server.end(child))


class Work:
    """The stream to and from a child."""

    def __init__(self, child: Child, silence_seconds: float) -> None:
        self._child = child
        self._silence_seconds = silence_seconds
        self._patience: asyncio.Timeout | None = None
        self._sent = 0
        # Whether the child has taken all that was sent to it and waits for more, so that its silence is ours.
        self._idle = False
        self._first: tuple[Kind, bytes] | None = None
        self._begun, self._beats, self._waits = monotonic(), 0, 0

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Sends a frame, waiting while the child does not read. A dead child shows when its answers are read."""
        self._sent += 1
        self._idle = False
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + self._silence_seconds)
        try:
            self._child.writer.write(frames.packed(kind, payload))
            await self._child.writer.drain()
        except ConnectionError:
            return

    async def wanted(self) -> frozenset[Need]:
        """What the document needs that its child lacks; empty where the child went to work."""
        kind, payload = await self._frame()
        if kind is not Kind.ELSEWHERE:
            self._first = kind, payload
            return frozenset()
        try:
            return frozenset(map(Need, json.loads(payload)))
        except (ValueError, TypeError, RecursionError):
            raise failures.crashed() from None

    async def responses(self) -> AsyncIterator[bytes]:
        """The child's messages until it says END; its typed error, or a crash, is raised."""
        while True:
            kind, payload = self._first or await self._frame()
            self._first = None
            if kind is Kind.END:
                return
            if kind is Kind.FAILURE:
                raise _told(payload)
            if kind is not Kind.RESPONSE:
                raise failures.crashed()
            yield payload

    async def _frame(self) -> tuple[Kind, bytes]:
        """The next frame that is more than a sign of life."""
        while True:
            try:
                kind, payload = await self._heard()
                if kind not in (Kind.WAITING, Kind.BEAT):
                    return kind, payload
                self._note(kind, payload)
            except (EOFError, frames.BrokenFrame):
                raise await self._crash() from None

    def _note(self, kind: Kind, payload: bytes) -> None:
        """A sign of life; BrokenFrame where there are more of them than a child at work gives."""
        if kind is Kind.WAITING:
            self._waits += 1
            self._idle = frames.count_of(payload) == self._sent
        else:
            self._beats += 1
        most = _SPARE_BEATS + (monotonic() - self._begun) / heartbeat.EVERY_SECONDS
        if self._waits > self._sent + 1 or self._beats > most or (kind is Kind.BEAT and payload):
            raise frames.BrokenFrame("signs of life without end")

    async def _heard(self) -> tuple[Kind, bytes]:
        try:
            async with asyncio.timeout(None if self._idle else self._silence_seconds) as self._patience:
                return await frames.read_async(self._child.reader)
        except TimeoutError:
            _LOG.warning("a child hangs", extra={"lorekeep": {"pid": self._child.pid}})
            raise failures.silent(self._silence_seconds) from None
        finally:
            self._idle, self._patience = False, None

    async def _crash(self) -> LorekeepError:
        """The stream broke off: the child died, or the whole fork server did."""
        try:
            await asyncio.wait_for(self._child.ended.wait(), 5)
        except TimeoutError:
            return failures.crashed()
        if self._child.exit_code is not None:
            measures.CRASHES.inc()
            facts = {"exit_code": self._child.exit_code, "pid": self._child.pid}
            _LOG.warning("a child died", extra={"lorekeep": facts})
        return failures.of_exit(self._child.exit_code)


def _told(payload: bytes) -> LorekeepError:
    error, where = failures.decoded(payload)
    if error.reason == "parser_crashed":
        measures.CRASHES.inc()
    _LOG.info("a document was not read", extra={"lorekeep": {"reason": error.reason, "where": where}})
    return error
