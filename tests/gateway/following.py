"""Callers that follow a job, as a browser's EventSource does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event of a stream; a comment has the name `comment`."""

    name: str
    id: str
    data: Any


@asynccontextmanager
async def stream(http: httpx.AsyncClient, job: str, seen: object = None) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a job."""
    headers = {} if seen is None else {"Last-Event-ID": str(seen)}
    async with http.stream("GET", f"/api/v1/jobs/{job}/events", headers=headers) as answer:
        if answer.status_code != 200:
            await answer.aread()
        answer.raise_for_status()
        events = _events(answer)
        assert (await anext(events)).name == "retry"
        yield events


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name or "comment"] = value.strip()
            continue
        if fields:
            name = fields.get("event") or next(iter(fields))
            yield Event(name, fields.get("id", ""), json.loads(fields["data"]) if "data" in fields else None)
        fields = {}
