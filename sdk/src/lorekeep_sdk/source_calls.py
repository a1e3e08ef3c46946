"""Calls about sources other than files: texts, question-answer pairs and web pages. Each becomes a document."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from lorekeep_sdk.answers import Accepted, Document, Receipt
from lorekeep_sdk.collection_calls import collection_path, delete, pages
from lorekeep_sdk.transport import Transport, given, new_key


class _Sources:
    """What the kinds have alike. A source is known by its document's id."""

    kind = ""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, collection: str, *, page_size: int | None = None) -> AsyncIterator[Document]:
        """All sources of the kind in a collection, fetched page by page."""
        async for each in pages(self._transport, self._path(collection), self.kind, given(limit=page_size)):
            yield cast(Document, each)

    async def get(self, collection: str, source_id: str) -> Document:
        """One source; NotFound where there is none of the kind."""
        return cast(Document, await self._transport.json("GET", self._path(collection, source_id)))

    async def delete(self, collection: str, source_id: str) -> Receipt:
        """Deletes a source with its passages and gives the receipt."""
        return await delete(self._transport, self._path(collection, source_id), source_id)

    async def _add(self, collection: str, key: str | None, **body: Any) -> Accepted:
        return await self._sent("POST", self._path(collection), given(**body), key)

    async def _change(self, collection: str, source_id: str, key: str | None, **body: Any) -> Accepted:
        return await self._sent("PATCH", self._path(collection, source_id), given(**body), key)

    async def _sent(self, method: str, path: str, body: dict[str, Any] | None, key: str | None) -> Accepted:
        answer = await self._transport.json(method, path, body=body, idempotency_key=key or new_key())
        return cast(Accepted, answer)

    def _path(self, collection: str, source_id: str = "") -> str:
        path = f"{collection_path(collection)}/{self.kind}"
        return f"{path}/{quote(source_id, safe='')}" if source_id else path


class AsyncTexts(_Sources):
    """Texts: written down by hand, without a file."""

    kind = "texts"

    async def add(
        self,
        collection: str,
        title: str,
        text: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        document_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Adds a text; with the `document_id` of one that is there it becomes its next version."""
        body = {"title": title, "text": text, "metadata": metadata, "document_id": document_id}
        return await self._add(collection, idempotency_key, **body)

    async def change(
        self,
        collection: str,
        text_id: str,
        *,
        title: str | None = None,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Changes what is given: a new version, which replaces the old one when it can be searched."""
        return await self._change(collection, text_id, idempotency_key, title=title, text=text, metadata=metadata)


class AsyncQnas(_Sources):
    """Question-answer pairs: found by their question and by their answer."""

    kind = "qnas"

    async def add(
        self,
        collection: str,
        question: str,
        answer: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        document_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Adds a pair; with the `document_id` of one that is there it becomes its next version."""
        body = {"question": question, "answer": answer, "metadata": metadata, "document_id": document_id}
        return await self._add(collection, idempotency_key, **body)

    async def change(
        self,
        collection: str,
        qna_id: str,
        *,
        question: str | None = None,
        answer: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Changes what is given: a new version, which replaces the old one when it can be searched."""
        body = {"question": question, "answer": answer, "metadata": metadata}
        return await self._change(collection, qna_id, idempotency_key, **body)


class AsyncWebsites(_Sources):
    """Web pages, fetched by the service."""

    kind = "websites"

    async def add(
        self,
        collection: str,
        url: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        document_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Adds the page at a public address; what keeps it from being fetched is told by the job."""
        return await self._add(collection, idempotency_key, url=url, metadata=metadata, document_id=document_id)

    async def change(
        self,
        collection: str,
        website_id: str,
        *,
        url: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Changes the address or the metadata."""
        return await self._change(collection, website_id, idempotency_key, url=url, metadata=metadata)

    async def refresh(self, collection: str, website_id: str, *, idempotency_key: str | None = None) -> Accepted:
        """Fetches the page again; a new version where it has changed."""
        path = f"{self._path(collection, website_id)}/refresh"
        return await self._sent("POST", path, None, idempotency_key)
