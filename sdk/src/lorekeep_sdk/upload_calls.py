"""Calls about uploads in parts: for large files, taken up again where they broke off."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, cast
from urllib.parse import quote

from lorekeep_sdk.answers import Accepted, PartedUpload
from lorekeep_sdk.collection_calls import collection_path, delete
from lorekeep_sdk.errors import Conflict, FileChanged, NotFound
from lorekeep_sdk.reading_answers import ReadStrategy
from lorekeep_sdk.transport import Transport, given, new_key
from lorekeep_sdk.uploads import OnSent, Source, opened, seconds_for


class AsyncUploads:
    """Uploads in parts. `send` does the whole of it; the rest are its steps."""

    def __init__(self, transport: Transport, deadline_seconds: float) -> None:
        self._transport = transport
        self._deadline_seconds = deadline_seconds

    async def send(
        self,
        collection: str,
        source: Source,
        *,
        name: str | None = None,
        document_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        strategy: ReadStrategy | None = None,
        languages: Sequence[str] | None = None,
        sha256: str | None = None,
        upload_id: str | None = None,
        on_begun: Callable[[PartedUpload], None] = lambda _: None,
        on_sent: OnSent = lambda _: None,
    ) -> Accepted:
        """Sends a file in parts and completes it; only what the service has not received yet.

        With the `upload_id` of one that was begun for the same bytes it goes on with that, where the service still has
        it. `on_begun` is given the upload before parts are sent, so that its id can be kept. No more than a part is in
        memory.
        """
        with opened(source, name) as file:
            upload = await self._known(collection, upload_id, file.size_bytes)
            if upload is None:
                upload = await self.create(
                    collection,
                    name=file.name,
                    size_bytes=file.size_bytes,
                    sha256=sha256,
                    document_id=document_id,
                    metadata=metadata,
                    strategy=strategy,
                    languages=languages,
                )
            on_begun(upload)
            await self._parts(collection, upload, cast(IO[bytes], file), on_sent)
        return await self.complete(collection, upload["id"])

    async def create(
        self,
        collection: str,
        *,
        name: str,
        size_bytes: int,
        sha256: str | None = None,
        document_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        strategy: ReadStrategy | None = None,
        languages: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> PartedUpload:
        """Begins an upload. With `sha256` the service checks the whole when it is completed."""
        named = None if languages is None else list(languages)
        told = given(document_id=document_id, metadata=metadata, strategy=strategy, languages=named)
        body = given(name=name, size_bytes=size_bytes, sha256=sha256, **told)
        key = idempotency_key or new_key()
        return await self._upload("POST", _path(collection), body=body, idempotency_key=key)

    async def get(self, collection: str, upload_id: str) -> PartedUpload:
        """An upload, with the numbers of the parts that were received; NotFound where it has expired."""
        return await self._upload("GET", _path(collection, upload_id))

    async def send_part(self, collection: str, upload_id: str, number: int, content: bytes) -> PartedUpload:
        """Sends one part, from 1; again is harmless."""
        path = f"{_path(collection, upload_id)}/parts/{number}"
        seconds = self._deadline_seconds + seconds_for(len(content))
        return await self._upload("PUT", path, content=content, deadline_seconds=seconds)

    async def complete(self, collection: str, upload_id: str) -> Accepted:
        """Makes the document of the parts. Its Idempotency-Key is the upload's own, so again gives the same answer."""
        path = f"{_path(collection, upload_id)}/complete"
        key = f"complete-{upload_id}"
        seconds = 4 * self._deadline_seconds  # the service puts the parts together before it answers
        answer = await self._transport.json("POST", path, idempotency_key=key, deadline_seconds=seconds)
        return cast(Accepted, answer)

    async def delete(self, collection: str, upload_id: str) -> None:
        """Gives an upload up, with its parts."""
        await delete(self._transport, _path(collection, upload_id), upload_id)

    async def _known(self, collection: str, upload_id: str | None, size_bytes: int) -> PartedUpload | None:
        if upload_id is None:
            return None
        try:
            found = await self.get(collection, upload_id)
        except (NotFound, Conflict):
            return None
        return found if found["size_bytes"] == size_bytes else None

    async def _parts(self, collection: str, upload: PartedUpload, file: IO[bytes], on_sent: OnSent) -> None:
        size, received = upload["part_bytes"], set(upload["parts_received"])
        done = sum(min(size, upload["size_bytes"] - (number - 1) * size) for number in received)
        on_sent(done)
        for number in (each for each in range(1, upload["parts_total"] + 1) if each not in received):
            content = await asyncio.to_thread(_part, file, (number - 1) * size, size)
            if len(content) != min(size, upload["size_bytes"] - (number - 1) * size):
                raise FileChanged("The file changed while it was being sent. Send it again.")
            await self.send_part(collection, upload["id"], number, content)
            done += len(content)
            on_sent(done)

    async def _upload(self, method: str, path: str, **request: Any) -> PartedUpload:
        return cast(PartedUpload, (await self._transport.json(method, path, **request))["upload"])


def _part(file: IO[bytes], offset: int, size: int) -> bytes:
    file.seek(offset)
    pieces = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _path(collection: str, upload_id: str = "") -> str:
    path = f"{collection_path(collection)}/uploads"
    return f"{path}/{quote(upload_id, safe='')}" if upload_id else path
