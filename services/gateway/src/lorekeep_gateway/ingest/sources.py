"""Where a job's chunks come from, as the rest of its pipeline sees it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep_gateway.ingest.artefacts import Mark
from lorekeep_gateway.ingest.checkpoints import Kept


class ReadAnew(Exception):
    """An earlier reading cannot be gone on with, and chunks of it were given: its reader must begin at the beginning,
    since what is read now may be cut otherwise."""


@dataclass(frozen=True)
class Whole:
    """The last chunk was given: how many there are, and what was kept on the way."""

    chunks: int
    kept: Kept


Given = Chunk | Mark | Whole
Put = Callable[[Given], Awaitable[None]]


class Source(Protocol):
    """Gives chunks in order, a mark behind each segment, and the whole at the end."""

    async def run(self, put: Put) -> None:
        """Gives everything to `put`, waiting for dependencies that are away."""
