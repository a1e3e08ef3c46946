"""The embedded engine behind the port: requests to the engine process, long work cut into slices."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_chassis.probes import Component
from lorekeep_search import spaces
from lorekeep_search.engine_link import EngineLink
from lorekeep_search.frames import Header
from lorekeep_search.store import DENSE, LEXICAL, NEVER, Candidate, LegResult, Legs, Payload, Point
from lorekeep_search.tenancy import Within, matches

# Points that a stamp or a removal touches before queries get their turn: a few milliseconds of work.
_SLICE_POINTS = 500
_HEALTH_SECONDS = 2.0


class EdgeStore:
    """Qdrant's engine in a process of its own, over a directory that nobody else opens."""

    def __init__(self, link: EngineLink) -> None:
        self.link = link
        self._facts: dict[str, spaces.Facts] = {}

    @classmethod
    async def opened(cls, directory: Path) -> "EdgeStore":
        """Starts the engine process; `health` says when it is up."""
        store = cls(EngineLink(directory))
        await store.link.start()
        return store

    async def prepare(self, space: search_pb2.IndexSpace, indexes: Mapping[str, str]) -> None:
        wanted = {"facts": spaces.facts(space), "indexes": dict(indexes)}
        answer = await self._ask("prepare", space, wanted, first=False)
        spaces.agree(space, answer["facts"])

    async def upsert(self, space: search_pb2.IndexSpace, within: Within, points: Sequence[Point]) -> None:
        await self._agree(space)
        if any(each.payload["organisation_id"] != within.organisation_id for each in points):
            raise errors.Internal
        wanted = [
            {"id": each.point_id, "payload": each.payload, "indices": each.terms.indices, "values": each.terms.values}
            for each in points
        ]
        tail = b"".join(each.dense for each in points)
        await self._ask("upsert", space, {"points": wanted, "never": NEVER}, tail, first=False)

    async def stamp(self, space: search_pb2.IndexSpace, within: Within, epochs: Mapping[str, int]) -> None:
        unstamped: dict[str, object] = {"must_not": [{"must": [matches(*each) for each in epochs.items()]}]}
        await self._sliced("stamp", space, within.but(unstamped), {"epochs": dict(epochs)})

    async def remove(self, space: search_pb2.IndexSpace, within: Within) -> int:
        return await self._sliced("remove", space, within, {})

    async def listed(self, space: search_pb2.IndexSpace, within: Within, limit: int) -> list[Payload]:
        answer = await self._read("list", space, {"filter": within.filter, "limit": limit})
        payloads: list[Payload] = answer.get("payloads", [])
        return payloads

    async def count(self, space: search_pb2.IndexSpace, within: Within) -> int:
        return int((await self._read("count", space, {"filter": within.filter})).get("count", 0))

    async def scanned(
        self, space: search_pb2.IndexSpace, within: Within, keys: Sequence[str]
    ) -> AsyncIterator[list[Payload]]:
        wanted: Header = {"filter": within.filter, "limit": _SLICE_POINTS, "keys": list(keys), "offset": None}
        while True:
            answer = await self._read("scan", space, wanted, first=False)
            yield answer.get("payloads", [])
            if answer.get("next") is None:
                return
            wanted["offset"] = answer["next"]

    async def query(self, space: search_pb2.IndexSpace, legs: Legs) -> list[LegResult]:
        asked: list[Header] = [{"leg": DENSE}] if legs.dense is not None else []
        if legs.terms is not None:
            asked.append({"leg": LEXICAL, "indices": legs.terms.indices, "values": legs.terms.values})
        wanted = {"legs": asked, "filter": legs.within.filter, "corpus": legs.corpus.filter, "depth": legs.depth}
        answer = await self._read("query", space, wanted, legs.dense or b"")
        found = answer.get("legs", [{"candidates": [], "duration_ms": 0.0}] * len(asked))
        return [
            LegResult(leg["leg"], [Candidate(*row) for row in each["candidates"]], each["duration_ms"])
            for leg, each in zip(asked, found, strict=True)
        ]

    async def fetch(self, space: search_pb2.IndexSpace, within: Within, ids: Sequence[str]) -> dict[str, Payload]:
        answer = await self._read("fetch", space, {"ids": list(ids)})
        payloads: dict[str, Payload] = answer.get("payloads", {})
        return {key: each for key, each in payloads.items() if each["organisation_id"] == within.organisation_id}

    async def health(self) -> Component:
        """Asks the engine, so that one that hangs is seen; one that is merely crowded is well."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self.link.ask({"op": "ping"}, first=True)
        except errors.Overloaded:
            return {"status": "ok", "detail": "embedded engine, crowded"}
        except (TimeoutError, errors.LorekeepError):
            return {"status": "failed", "detail": "the embedded engine does not answer"}
        return {"status": "ok", "detail": "embedded engine"}

    async def close(self) -> None:
        await self.link.close()

    async def _agree(self, space: search_pb2.IndexSpace) -> None:
        """Writers are checked against the facts that the space was made with."""
        name = spaces.name(space)
        if name not in self._facts:
            self._facts[name] = (await self._ask("facts", space, {}, first=False))["facts"]
        spaces.agree(space, self._facts[name])

    async def _sliced(self, operation: str, space: search_pb2.IndexSpace, within: Within, more: Header) -> int:
        """Repeats an operation on what is left of a filter, until nothing is."""
        total, wanted = 0, {"filter": within.filter, "limit": _SLICE_POINTS, **more}
        while count := int((await self._read(operation, space, wanted, first=False)).get("count", 0)):
            total += count
        return total

    async def _read(
        self, operation: str, space: search_pb2.IndexSpace, more: Header, tail: bytes = b"", *, first: bool = True
    ) -> Header:
        """Asks about a space; nothing is in one that was never prepared."""
        try:
            return await self._ask(operation, space, more, tail, first=first)
        except errors.NotFound:
            return {}

    async def _ask(
        self, operation: str, space: search_pb2.IndexSpace, more: Header, tail: bytes = b"", *, first: bool
    ) -> Header:
        return await self.link.ask({"op": operation, "space": spaces.name(space), **more}, tail, first=first)
