"""One document in one child: a bounded number at once, each with a wall deadline, each killed when nobody waits."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import calls, logs
from lorekeep_chassis.errors import LorekeepError, Overloaded, Unavailable
from lorekeep_parser import child_limits, failures, frames, measures
from lorekeep_parser.forking import Child, ForkServer
from lorekeep_parser.frames import Kind

_LOG = logs.logger(__name__)
_RETRY_AFTER_SECONDS = 2.0


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


class Children:
    """Gives jobs to children and their frames to the caller."""

    def __init__(self, server: ForkServer, cpu_seconds: float) -> None:
        self._server = server
        self._cpu_seconds = cpu_seconds

    def check(self) -> None:
        """Unavailable where no child could be had, said before a document is sent in vain."""
        self._server.checked()

    @asynccontextmanager
    async def working(self, job: dict[str, Any]) -> AsyncIterator["Work"]:
        """A child at work on `job`; it is gone when the block ends, however it ends."""
        child = await self._server.fork(job["tokenizer"])
        try:
            work = Work(child)
            await work.send(Kind.JOB, json.dumps(job | {"cpu_seconds": self._cpu_seconds}).encode())
            yield work
        finally:
            await asyncio.shield(self._server.end(child))


class Work:
    """The stream to and from a child."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Sends a frame, waiting while the child does not read. A dead child shows when its answers are read."""
        try:
            self._child.writer.write(frames.packed(kind, payload))
            await self._child.writer.drain()
        except ConnectionError:
            return

    async def responses(self) -> AsyncIterator[bytes]:
        """The child's messages until it says END; its typed error, or a crash, is raised."""
        while True:
            try:
                kind, payload = await frames.read_async(self._child.reader)
            except (EOFError, frames.BrokenFrame):
                raise await self._crash() from None
            if kind is Kind.END:
                return
            if kind is Kind.FAILURE:
                raise _told(payload)
            yield payload

    async def _crash(self) -> LorekeepError:
        """The stream broke off: the child died, or the whole fork server did."""
        try:
            await asyncio.wait_for(self._child.ended.wait(), 5)
        except TimeoutError:
            return failures.crashed()
        if self._child.exit_code is None:
            return Unavailable("The parser was interrupted. Try again.", reason="parser_restarting")
        measures.CRASHES.inc()
        _LOG.warning("a child died", extra={"lorekeep": {"exit_code": self._child.exit_code, "pid": self._child.pid}})
        return failures.crashed()


def _told(payload: bytes) -> LorekeepError:
    error, where = failures.decoded(payload)
    if error.reason == "parser_crashed":
        measures.CRASHES.inc()
    _LOG.info("a document was not read", extra={"lorekeep": {"reason": error.reason, "where": where}})
    return error
