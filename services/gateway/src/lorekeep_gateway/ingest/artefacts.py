"""What was read of one version, in the blob store: segments in, segments and their chunks out."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from obstore.exceptions import BaseError as ObjectStoreError

from lorekeep.document.v1.document_pb2 import Chunk, Segment
from lorekeep.parser.v1.parser_pb2 import ParseStart
from lorekeep_chassis import errors
from lorekeep_gateway.blob_errors import artefact_missing
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.ingest.leases import Lease


@dataclass(frozen=True)
class Mark:
    """A place between chunks: those before the ordinal `chunks` lie in the first `segments` segments."""

    chunks: int
    segments: int


@dataclass(frozen=True)
class Artefact:
    """One version's bytes and segments. A blob store that does not answer is Unavailable, and waited for."""

    blobs: Blobs
    lease: Lease
    organisation_id: str
    artefact_id: str
    sha256: str
    size_bytes: int

    @classmethod
    def of_work(cls, blobs: Blobs, lease: Lease, work: Mapping[str, Any]) -> "Artefact":
        """What a job works from."""
        artefact_id, sha256, size_bytes = work["artefact_id"], work["blob_sha256"], work["size_bytes"]
        return cls(blobs, lease, work["organisation_id"], artefact_id, sha256, size_bytes)

    async def original(self) -> AsyncIterator[bytes]:
        """The bytes that were uploaded."""
        with answering():
            async for piece in self.blobs.read(self.organisation_id, self.sha256, self.size_bytes):
                yield piece

    async def prepare(self, start: ParseStart) -> None:
        """Makes ready what `original` gives, and tells the parser in `start` what that is."""

    async def unreadable(self) -> None:
        """The parser cannot read what `original` gave."""

    async def keep(self, segment: Segment) -> None:
        """Keeps a segment, unless the job may be another's by now."""
        self.lease.require()
        with answering():
            await self.blobs.keep_segment(self.organisation_id, self.artefact_id, segment)

    async def segment(self, ordinal: int) -> Segment:
        """One segment; NotFound, `artefact_missing`, where it is gone or damaged."""
        with answering():
            return await self.blobs.segment(self.organisation_id, self.artefact_id, ordinal)


class Sequence:
    """Passes chunks on, each once and in order: what comes again after a break is passed over."""

    def __init__(self, next_chunk: int) -> None:
        self.next_chunk = next_chunk

    def new(self, chunk: Chunk) -> Iterator[Chunk]:
        """The chunk, unless it was passed on before; NotFound, `artefact_missing`, where one before it is not there."""
        if chunk.ordinal > self.next_chunk:
            raise artefact_missing()
        if chunk.ordinal == self.next_chunk:
            self.next_chunk += 1
            yield chunk


@contextmanager
def answering() -> Iterator[None]:
    """A blob store that does not answer is waited for as every dependency is."""
    try:
        yield
    except (ObjectStoreError, OSError) as error:
        raise errors.Unavailable("The blob store is not answering.", reason="blobs_unavailable") from error
