"""Calls that show how documents would be cut; nothing of them is kept."""

import json
from typing import Any, cast

from lorekeep_sdk.collection_calls import collection_path
from lorekeep_sdk.reading_answers import Chunking, ChunkPreview, Reading
from lorekeep_sdk.transport import Transport, given
from lorekeep_sdk.uploads import Source, opened

_READ_SECONDS = 300.0


class AsyncPreviews:
    """Previews of chunks. `chunking` and `reading` go over what the collection asks for; `limit` is how many passages
    are wanted, at most 100."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def file(
        self,
        collection: str,
        source: Source,
        *,
        name: str | None = None,
        chunking: Chunking | None = None,
        reading: Reading | None = None,
        limit: int | None = None,
    ) -> ChunkPreview:
        """How a file (path, bytes or binary file object) would be cut."""
        asked = given(chunking=chunking, reading=reading, limit=limit)
        with opened(source, name) as upload:
            answer = await self._transport.json(
                "POST",
                _path(collection),
                fields={each: json.dumps(value) for each, value in asked.items()},
                parts=[("file", (upload.name, cast(Any, upload), upload.media_type))],
                deadline_seconds=upload.seconds_allowed(_READ_SECONDS),
            )
        return cast(ChunkPreview, answer)

    async def text(
        self,
        collection: str,
        text: str,
        *,
        chunking: Chunking | None = None,
        reading: Reading | None = None,
        limit: int | None = None,
    ) -> ChunkPreview:
        """How a text would be cut."""
        return await self._of(collection, text=text, chunking=chunking, reading=reading, limit=limit)

    async def document(
        self, collection: str, document_id: str, *, chunking: Chunking | None = None, limit: int | None = None
    ) -> ChunkPreview:
        """How a document of the collection would be cut; it is not read again. Conflict where it was not read yet."""
        return await self._of(collection, document=document_id, chunking=chunking, limit=limit)

    async def _of(self, collection: str, **asked: Any) -> ChunkPreview:
        body, seconds = given(**asked), _READ_SECONDS
        answer = await self._transport.json("POST", _path(collection), body=body, deadline_seconds=seconds)
        return cast(ChunkPreview, answer)


def _path(collection: str) -> str:
    return f"{collection_path(collection)}/chunks:preview"
