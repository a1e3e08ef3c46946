"""The service's end of the engine process: keeps it running, and decides what it does next.

Queries go before writes, and a write comes in slices of which one is under way at a time, so that a query waits for one
slice at the most. Whatever is left by its caller while it waits is never sent.
"""

import asyncio
import os
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from lorekeep_chassis import calls, errors, logs
from lorekeep_search import spaces
from lorekeep_search.frames import LENGTHS, Frame, Header, packed, unpacked
from lorekeep_search.gate import Gate

_LOG = logs.logger(__name__)
_WAITING_QUERIES = 256
_WAITING_WRITES = 64
# Two: one that runs and one that stands ready, so that the engine never waits for the service's event loop.
_UNDER_WAY = 2
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_STEADY_SECONDS = 10.0
_CLOSE_SECONDS = 10.0


class _Waiting(NamedTuple):
    frame: Frame
    answer: "asyncio.Future[Header]"
    first: bool


class EngineLink:
    """A request and answer exchange with the engine process of a directory. `start` first, `close` at the end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self._queries: deque[_Waiting] = deque()
        self._writes: deque[_Waiting] = deque()
        self._under_way: deque[_Waiting] = deque()
        self._gates = {True: Gate(_WAITING_QUERIES), False: Gate(_WAITING_WRITES)}
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.up = False

    async def start(self) -> None:
        """Begins to keep an engine process running; `up` says when it answers."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def ask(self, header: Header, tail: bytes = b"", *, first: bool) -> Header:
        """Sends a request and waits for its answer; `first` for what somebody looks at, before all writes."""
        if not self.up:
            raise _gone()
        waiting = _Waiting(Frame(header, tail), asyncio.get_running_loop().create_future(), first)
        with self._gates[first].entered():
            (self._queries if first else self._writes).append(waiting)
            self._changed.set()
            return _checked(header, await _in_time(waiting.answer))

    async def close(self) -> None:
        """Lets the engine write everything down and end; kills it where it is only starting or takes too long."""
        self._closing.set()
        self._changed.set()
        if self.process is not None and not self.up:
            with suppress(ProcessLookupError):
                self.process.kill()
        if self._keeper is not None:
            await self._keeper

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            begin = monotonic()
            try:
                await self._run_once()
            except OSError as error:
                _LOG.warning("engine cannot start", extra={"lorekeep": {"error": type(error).__name__}})
            if self._closing.is_set():
                return
            steady = monotonic() - begin > _STEADY_SECONDS
            pause = _FIRST_PAUSE_SECONDS if steady else min(pause * 2, _LONGEST_PAUSE_SECONDS)
            _LOG.warning("engine ended, starting it again", extra={"lorekeep": {"pause_seconds": pause}})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)

    async def _run_once(self) -> None:
        """One life of the process, from its start to its end."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = ("-m", "lorekeep_search.engine", str(self._directory), str(theirs.fileno()), str(os.getpid()))
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *command, pass_fds=(theirs.fileno(),), start_new_session=True
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            await self._exchange(reader, writer)
        finally:
            self.up = False
            self._fail_all()
            writer.close()
            await _ended(self.process)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await _read(reader)
            self.up = True
            _LOG.info("engine is up", extra={"lorekeep": {"pid": self.process.pid if self.process else 0}})
            sending = asyncio.get_running_loop().create_task(self._send(writer))
            receiving = asyncio.get_running_loop().create_task(self._receive(reader))
            _, others = await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
            for each in others:
                each.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        """Hands over the next request whenever the engine has room; ends when the link closes and nothing waits."""
        while True:
            self._changed.clear()
            while len(self._under_way) < _UNDER_WAY and (waiting := self._next()):
                self._under_way.append(waiting)
                writer.write(packed(waiting.frame))
                await writer.drain()
            if self._closing.is_set() and not (self._under_way or self._queries or self._writes):
                return
            await self._changed.wait()

    def _next(self) -> _Waiting | None:
        writing = any(not each.first for each in self._under_way)
        for queue in (self._queries,) if writing else (self._queries, self._writes):
            while queue:
                waiting = queue.popleft()
                if not waiting.answer.done():
                    return waiting
        return None

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        while True:
            answer = await _read(reader)
            waiting = self._under_way.popleft()
            if not waiting.answer.done():
                waiting.answer.set_result(answer)
            self._changed.set()

    def _fail_all(self) -> None:
        for queue in (self._under_way, self._queries, self._writes):
            for waiting in queue:
                if not waiting.answer.done():
                    waiting.answer.set_exception(_gone())
            queue.clear()


async def _in_time(answer: "asyncio.Future[Header]") -> Header:
    try:
        async with asyncio.timeout(calls.remaining_seconds()):
            return await answer
    except TimeoutError:
        raise errors.DeadlineExceeded("The index did not answer in time. Try again, or ask for less.") from None


def _checked(request: Header, answer: Header) -> Header:
    if answer.get("error") == "unknown_space":
        raise spaces.unknown()
    if "error" in answer:
        _LOG.error("engine failed", extra={"lorekeep": {"operation": request["op"], "detail": answer["detail"]}})
        raise errors.Internal
    return answer


async def _read(reader: asyncio.StreamReader) -> Header:
    header_length, tail_length = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
    return unpacked(await reader.readexactly(header_length), await reader.readexactly(tail_length)).header


async def _ended(process: asyncio.subprocess.Process) -> None:
    """The engine ends by itself once its socket closes."""
    try:
        await asyncio.wait_for(process.wait(), _CLOSE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _gone() -> errors.Unavailable:
    return errors.Unavailable("The index is starting. Try again shortly.", retry_after_seconds=1.0)
