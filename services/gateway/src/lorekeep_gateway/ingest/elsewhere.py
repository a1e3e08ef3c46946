"""A version whose document another server reads: its answer is kept beside the segments, and the parser gets that.

The answer is asked for once. Whoever goes on with the job, or builds the index again, finds it there, so the parser
meets the same bytes each time, whether the setting still names a server or not.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from lorekeep.parser.v1.parser_pb2 import ParseStart
from lorekeep_gateway.blobs import Blobs, Kept
from lorekeep_gateway.ingest.artefacts import Artefact, answering
from lorekeep_gateway.ingest.leases import Lease
from lorekeep_gateway.ingest.remote import RemoteParser

ELEMENTS_MEDIA_TYPE = "application/vnd.unstructured.elements+json"
_NAME = "elements.json"
# Read here always: the other server would find no more in plain text, and gives no documents inside of documents.
READ_HERE = frozenset({"text/plain", "message/rfc822", "application/vnd.ms-outlook", "application/zip",
                       "application/x-tar", "application/gzip"})  # fmt: skip


@dataclass(frozen=True)
class MaybeElsewhere(Artefact):
    """An artefact whose document the server reads, where there is one. What was begun here goes on here."""

    media_type: str
    remote: RemoteParser | None

    @classmethod
    def of(cls, blobs: Blobs, lease: Lease, work: Mapping[str, Any], remote: RemoteParser | None) -> "MaybeElsewhere":
        """What a job works from."""
        mine = Artefact.of_work(blobs, lease, work)
        return cls(**vars(mine), media_type=work["media_type"], remote=remote)

    async def prepare(self, start: ParseStart) -> None:
        """Asks the server, unless it was asked before."""
        kept = await self._kept()
        if kept is None and self.remote and not start.resume_state and self.media_type not in READ_HERE:
            await self._ask(self.remote, start)
            kept = await self._kept()
        if kept is not None:
            start.declared_media_type, start.size_bytes = ELEMENTS_MEDIA_TYPE, kept.size_bytes

    async def original(self) -> AsyncIterator[bytes]:
        """The answer where there is one, else the bytes that were uploaded."""
        kept = await self._kept()
        with answering():
            pieces = super().original() if kept is None else self.blobs.staged(kept.path)
            async for piece in pieces:
                yield piece

    async def unreadable(self) -> None:
        """Nobody goes on with an answer that cannot be read; another try asks again."""
        kept = await self._kept()
        if kept is not None:
            self.lease.require()
            with answering():
                await self.blobs.remove_all([kept.path])

    async def _ask(self, remote: RemoteParser, start: ParseStart) -> None:
        answer = remote.answer(start, self.media_type, self.size_bytes, super().original())
        with answering():
            staged = await self.blobs.stage(self.organisation_id, answer)
            try:
                self.lease.require()
                await self.blobs.keep_beside(self.organisation_id, self.artefact_id, _NAME, staged)
            except BaseException:
                await self.blobs.discard(staged)
                raise

    async def _kept(self) -> Kept | None:
        with answering():
            async for listed in self.blobs.listed(self.organisation_id, f"artefacts/{self.artefact_id}"):
                for each in listed:
                    if each.name == _NAME:
                        return each
        return None
