"""Calls about documents."""

import builtins
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from lorekeep_sdk.answers import Accepted, Batch, Chunk, Document, NewText, Receipt, Version
from lorekeep_sdk.collection_calls import collection_path, delete, pages
from lorekeep_sdk.reading_answers import Page, ReadStrategy
from lorekeep_sdk.transport import Transport, given, new_key
from lorekeep_sdk.uploads import OnSent, Source, opened


class AsyncDocuments:
    """Documents of a collection. Every call that adds carries an Idempotency-Key, so a repeat adds nothing twice."""

    def __init__(self, transport: Transport, deadline_seconds: float) -> None:
        self._transport = transport
        self._deadline_seconds = deadline_seconds

    async def add(
        self,
        collection: str,
        source: Source,
        *,
        name: str | None = None,
        document_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        strategy: ReadStrategy | None = None,
        languages: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        on_sent: OnSent | None = None,
    ) -> Accepted:
        """Uploads a file (path, bytes or binary file object), streamed from its start; never read whole.

        `name` is the file's name by default and required for bytes. With the `document_id` of an existing document
        the file becomes its next version. `strategy` and `languages` go over what the collection asks for. `on_sent`
        is told the bytes of the file sent so far.
        """
        with opened(source, name, on_sent) as upload:
            told = None if metadata is None else json.dumps(metadata)
            named = None if languages is None else ",".join(languages)
            fields = given(document_id=document_id, metadata=told, strategy=strategy, languages=named)
            answer = await self._transport.json(
                "POST",
                f"{collection_path(collection)}/documents",
                fields=fields,
                parts=[("file", (upload.name, cast(Any, upload), upload.media_type))],
                idempotency_key=idempotency_key or new_key(),
                deadline_seconds=upload.seconds_allowed(self._deadline_seconds),
            )
        return cast(Accepted, answer)

    async def add_text(
        self,
        collection: str,
        text: str,
        *,
        title: str | None = None,
        document_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Adds a text as a document."""
        body = given(text=text, title=title, document_id=document_id, metadata=metadata)
        path = f"{collection_path(collection)}/documents"
        key = idempotency_key or new_key()
        return cast(Accepted, await self._transport.json("POST", path, body=body, idempotency_key=key))

    async def add_batch(
        self, collection: str, documents: Iterable[NewText], *, idempotency_key: str | None = None
    ) -> Batch:
        """Adds several texts in one request (90 MB at most); each result is a document with its job, or an error."""
        body = {"documents": [dict(each) for each in documents]}
        path = f"{collection_path(collection)}/documents:batch"
        key = idempotency_key or new_key()
        return cast(Batch, await self._transport.json("POST", path, body=body, idempotency_key=key))

    async def list(
        self, collection: str, *, parent: str | None = None, page_size: int | None = None
    ) -> AsyncIterator[Document]:
        """All documents of a collection, or those found inside of `parent`, fetched page by page."""
        path = f"{collection_path(collection)}/documents"
        async for each in pages(self._transport, path, "documents", given(limit=page_size, parent=parent)):
            yield cast(Document, each)

    async def get(self, collection: str, document_id: str) -> Document:
        """One document; NotFound where there is none."""
        return cast(Document, await self._transport.json("GET", document_path(collection, document_id)))

    async def delete(self, collection: str, document_id: str) -> Receipt:
        """Deletes a document with its passages and gives the receipt."""
        return await delete(self._transport, document_path(collection, document_id), document_id)

    async def versions(self, collection: str, document_id: str) -> builtins.list[Version]:
        """The versions of a document, newest first; NotFound where there is no such document."""
        answer = await self._transport.json("GET", f"{document_path(collection, document_id)}/versions")
        return cast(builtins.list[Version], answer["versions"])

    async def restore(
        self, collection: str, document_id: str, number: int, *, idempotency_key: str | None = None
    ) -> Accepted:
        """Makes an older version the newest again, as a new version with its content."""
        path = f"{document_path(collection, document_id)}/versions/{number}/restore"
        key = idempotency_key or new_key()
        return cast(Accepted, await self._transport.json("POST", path, idempotency_key=key))

    async def chunks(self, collection: str, document_id: str, *, page_size: int | None = None) -> AsyncIterator[Chunk]:
        """The passages of a document in order, fetched page by page."""
        path = f"{document_path(collection, document_id)}/chunks"
        async for each in pages(self._transport, path, "chunks", given(limit=page_size)):
            yield cast(Chunk, each)

    async def pages(self, collection: str, document_id: str, *, page_size: int | None = None) -> AsyncIterator[Page]:
        """What became of each page of a document when it was read, in order."""
        path = f"{document_path(collection, document_id)}/pages"
        async for each in pages(self._transport, path, "pages", given(limit=page_size)):
            yield cast(Page, each)

    async def content(self, collection: str, document_id: str) -> bytes:
        """The original bytes of a document."""
        answer = await self._transport.answer("GET", f"{document_path(collection, document_id)}/content")
        return answer.content


def document_path(collection: str, document_id: str) -> str:
    """The path of a document; a slash in its id is escaped."""
    return f"{collection_path(collection)}/documents/{quote(document_id, safe='')}"
