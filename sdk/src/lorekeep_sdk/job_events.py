"""A job followed to its end: by a stream of events, else by answers that are held back, else by asking now and then.

A stream that breaks is taken up again after the last event seen. Where the service has none, or a proxy keeps its bytes
back, long polls follow; where those are answered at once or cut off, plain ones, ever less often.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import NamedTuple, cast

from lorekeep_sdk.answers import FINISHED, Job
from lorekeep_sdk.errors import DeadlineExceeded, LimitExceeded, LorekeepApiError, NoAnswer, NotFound, Unavailable
from lorekeep_sdk.transport import Transport

_FIRST_EVENT_SECONDS = 5.0
_SILENCE_SECONDS = 25.0  # the service gives a sign of life every 15 s
_BARREN_STREAMS = 2
_LONG_POLL_SECONDS = 10
_AT_ONCE_SECONDS = 0.5
_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 2.0
_POLL_GROWTH = 1.4


class Event(NamedTuple):
    """One event of a stream."""

    id: str
    name: str
    data: str


class _NoStream(Exception):
    """The service, or what stands before it, does not stream."""


class Follower:
    """Follows one job. `event_id` is that of the last event seen, "" for none: what it told is not told again."""

    def __init__(self, transport: Transport, path: str, event_id: str = "") -> None:
        self._transport = transport
        self._path = path
        self._event_id = event_id
        self._seen = int(event_id) if event_id.isascii() and event_id.isdigit() else None

    async def changes(self) -> AsyncGenerator[Job, None]:
        """The job each time it has changed; the last one has ended."""
        for way in (self._streamed, self._held, self._asked):
            async with aclosing(way()) as jobs:
                async for job in jobs:
                    if self._is_new(job):
                        yield job
                    if job["status"] in FINISHED:
                        return

    def _is_new(self, job: Job) -> bool:
        revision = job.get("revision")
        if revision is None:
            return True
        known, self._seen = self._seen, revision
        return known is None or revision > known or job["status"] in FINISHED

    async def _streamed(self) -> AsyncGenerator[Job, None]:
        """Ends where streams bring nothing."""
        barren = 0
        while barren < _BARREN_STREAMS:
            try:
                async with aclosing(self._stream()) as jobs:
                    async for job in jobs:
                        barren = -1
                        yield job
            except NotFound:
                return  # no such job, or no such route: asking for the job tells which
            except (_NoStream, TimeoutError):
                return
            except (LorekeepApiError, NoAnswer):
                await asyncio.sleep(_FIRST_POLL_SECONDS)
            barren += 1

    async def _stream(self) -> AsyncGenerator[Job, None]:
        """One connection. Without an event seen, the service tells the job as it is at once, or it does not stream."""
        headers = {"accept": "text/event-stream", "cache-control": "no-cache"}
        if self._event_id:
            headers["last-event-id"] = self._event_id
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(_SILENCE_SECONDS if self._event_id else _FIRST_EVENT_SECONDS):
                opened = self._transport.stream(f"{self._path}/events", headers, silence_seconds=_SILENCE_SECONDS)
                answer = await stack.enter_async_context(opened)
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                    raise _NoStream
                found = await stack.enter_async_context(aclosing(events(answer.aiter_lines())))
                event = await anext(found, None)
            while event is not None:
                if event.name == "job":
                    self._event_id = event.id
                    yield cast(Job, json.loads(event.data))
                event = await anext(found, None)

    async def _held(self) -> AsyncGenerator[Job, None]:
        """Ends where an answer about a job under way is not held back, cut off, or refused because too many wait."""
        while True:
            started = time.monotonic()
            try:
                job = await look(self._transport, self._path, _LONG_POLL_SECONDS)
            except (NoAnswer, DeadlineExceeded, Unavailable, LimitExceeded):
                return
            yield job
            if time.monotonic() - started < _AT_ONCE_SECONDS:
                return

    async def _asked(self) -> AsyncGenerator[Job, None]:
        pause = _FIRST_POLL_SECONDS
        while True:
            yield await look(self._transport, self._path)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_POLL_SECONDS, pause * _POLL_GROWTH)


async def look(transport: Transport, path: str, wait_seconds: int = 0) -> Job:
    """The job at a path; with `wait_seconds` once it has ended, or as it is after that time."""
    query = {"wait": wait_seconds} if wait_seconds else None
    seconds = wait_seconds + 30.0 if wait_seconds else None
    return cast(Job, await transport.json("GET", path, query=query, deadline_seconds=seconds))


async def events(lines: AsyncIterator[str]) -> AsyncGenerator[Event, None]:
    """The events in the lines of a `text/event-stream`; one that is cut off by the end is no event."""
    number, name, data = "", "message", list[str]()
    async for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(number, name, "\n".join(data))
            name, data = "message", []
        elif field == "id":
            number = value
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
