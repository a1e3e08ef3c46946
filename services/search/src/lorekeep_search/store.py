"""The vector-store port: what the service asks of an engine, and no more.

Both adapters, `EdgeStore` and `ServerStore`, pass one conformance suite. A space that was never prepared is empty to
every reader and refused to a writer. All calls raise Unavailable while the engine does not answer, Overloaded when too
much waits for it, and DeadlineExceeded at the call's deadline.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis.probes import Component
from lorekeep_search.tenancy import Within
from lorekeep_search.terms import Terms

Payload = dict[str, Any]

# An epoch that never comes: the largest whole number that a double, and so every JSON reader, holds exactly.
NEVER = 2**53 - 1

# Payload keys of every point and the kind of index each has.
INDEXES = {
    "organisation_id": "tenant",
    "collection_id": "keyword",
    "generation_id": "keyword",
    "document_id": "keyword",
    "version_id": "keyword",
    "ordinal": "integer",
    "from_epoch": "integer",
    "to_epoch": "integer",
}
DENSE, LEXICAL = "dense", "lexical"


class Point(NamedTuple):
    """A chunk as it goes into the engine; `dense` is little-endian float32."""

    point_id: str
    payload: Payload
    dense: bytes
    terms: Terms


class Candidate(NamedTuple):
    """A point that a leg found."""

    point_id: str
    chunk_id: str
    document_id: str
    score: float


class LegResult(NamedTuple):
    """What one leg found, best first, and how long that took."""

    leg: str
    candidates: list[Candidate]
    duration_ms: float


@dataclass(frozen=True)
class Legs:
    """The legs of one search, asked as one batch of separate queries.

    `within` is what may be found, `corpus` the texts that the weights of words are reckoned from, `depth` the most
    candidates of a leg. A leg that is None is left out.
    """

    within: Within
    corpus: Within
    depth: int
    dense: bytes | None = None
    terms: Terms | None = None

    @property
    def count(self) -> int:
        """Legs that take part."""
        return (self.dense is not None) + (self.terms is not None)


class VectorStore(Protocol):
    """Owns points: one per chunk, with a dense and a sparse vector and a payload."""

    async def prepare(self, space: search_pb2.IndexSpace, indexes: Mapping[str, str]) -> None:
        """Makes a space and payload indexes (key to kind) ready; ModelMismatch where it is another model's."""

    async def upsert(self, space: search_pb2.IndexSpace, within: Within, points: Sequence[Point]) -> None:
        """Writes points, durable when it returns; a point that is visible keeps its epochs."""

    async def stamp(self, space: search_pb2.IndexSpace, within: Within, epochs: Mapping[str, int]) -> None:
        """Sets `from_epoch` or `to_epoch` or both on the points within."""

    async def remove(self, space: search_pb2.IndexSpace, within: Within) -> int:
        """Removes the points within and counts them."""

    async def listed(self, space: search_pb2.IndexSpace, within: Within, limit: int) -> list[Payload]:
        """The payloads of the first points within, by ordinal."""

    async def count(self, space: search_pb2.IndexSpace, within: Within) -> int:
        """How many points are within."""

    def scanned(
        self, space: search_pb2.IndexSpace, within: Within, keys: Sequence[str]
    ) -> AsyncIterator[list[Payload]]:
        """Some payload keys of all points within, in portions that queries do not notice. Points that are written or
        removed meanwhile may be missing; none comes twice."""

    async def query(self, space: search_pb2.IndexSpace, legs: Legs) -> list[LegResult]:
        """The candidates of each leg."""

    async def fetch(self, space: search_pb2.IndexSpace, within: Within, ids: Sequence[str]) -> dict[str, Payload]:
        """The payloads of points by id, without those that have gone or lie outside."""

    async def health(self) -> Component:
        """How the engine is."""

    async def close(self) -> None:
        """Lets go of the engine, with everything written down."""


def standing(payload: Payload) -> bool:
    """Whether a point is visible from some epoch on without end; writing it again must not hide it."""
    return bool(payload.get("from_epoch", NEVER) < NEVER and payload.get("to_epoch", NEVER) == NEVER)
