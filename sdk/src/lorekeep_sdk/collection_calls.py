"""Calls about collections."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from lorekeep_sdk.answers import Collection, Receipt, Reconciled
from lorekeep_sdk.errors import Conflict, NotFound
from lorekeep_sdk.reading_answers import Chunking, Reading
from lorekeep_sdk.transport import Transport, given, new_key

_PATH = "/api/v1/collections"
_RECONCILE_SECONDS = 600.0


def collection_path(collection: str) -> str:
    """The path of a collection by name or id."""
    return f"{_PATH}/{quote(collection, safe='')}"


class AsyncCollections:
    """Collections: by name (`[a-z0-9][a-z0-9_-]{0,62}`) or by id (`col_...`)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        name: str,
        *,
        metadata_schema: Mapping[str, str] | None = None,
        chunking: Chunking | None = None,
        reading: Reading | None = None,
    ) -> Collection:
        """A new collection; `metadata_schema` declares the fields that filters may name, as `{"year": "integer"}`,
        `chunking` and `reading` say how its documents are cut and read.

        Conflict where the name is taken. Where the answer to the first attempt was lost on the way, the collection that
        it made is given.
        """
        schema = dict(metadata_schema or {})
        try:
            body = given(name=name, metadata_schema=schema, chunking=chunking, reading=reading)
            made = await self._transport.json("POST", _PATH, body=body, idempotency_key=new_key())
        except Conflict as conflict:
            if not conflict.repeated:
                raise
            made = await self.get(name)
            if (made.get("metadata_schema") or {}) != schema:
                raise conflict from None
        return cast(Collection, made)

    async def get(self, collection: str) -> Collection:
        """One collection; NotFound where there is none."""
        return cast(Collection, await self._transport.json("GET", collection_path(collection)))

    async def list(self) -> AsyncIterator[Collection]:
        """All collections of the key's workspace, fetched page by page."""
        async for each in pages(self._transport, _PATH, "collections"):
            yield cast(Collection, each)

    async def update(
        self,
        collection: str,
        *,
        name: str | None = None,
        metadata_schema: Mapping[str, str] | None = None,
        chunking: Chunking | None = None,
        reading: Reading | None = None,
    ) -> Collection:
        """Changes what is given: a new name, further fields of the schema, how documents are cut or read.

        In `chunking` and `reading` None takes back what was asked for. Conflict where documents are cut already.
        """
        body = given(name=name, metadata_schema=metadata_schema, chunking=chunking, reading=reading)
        return cast(Collection, await self._transport.json("PATCH", collection_path(collection), body=body))

    async def delete(self, collection: str) -> Receipt:
        """Deletes a collection with all its documents and gives the receipt."""
        return await delete(self._transport, collection_path(collection), collection)

    async def reindex(self, collection: str, *, idempotency_key: str | None = None) -> int:
        """Puts back what the index of a collection lacks, from what was parsed; gives how many jobs were queued."""
        key = idempotency_key or new_key()
        path = f"{collection_path(collection)}/reindex"
        return int((await self._transport.json("POST", path, idempotency_key=key))["queued"])

    async def reconcile(self, collection: str, *, idempotency_key: str | None = None) -> Reconciled:
        """Compares a collection with its index: what is missing there is queued, what is too much is removed."""
        key = idempotency_key or new_key()
        path = f"{collection_path(collection)}/reconcile"
        answer = await self._transport.json("POST", path, idempotency_key=key, deadline_seconds=_RECONCILE_SECONDS)
        return cast(Reconciled, answer)


async def delete(transport: Transport, path: str, name: str) -> Receipt:
    """A DELETE and its receipt; NotFound counts as done where the answer to an earlier attempt was lost, and the counts
    with it."""
    try:
        answer = await transport.json("DELETE", path)
    except NotFound as error:
        if not error.repeated:
            raise
        answer = {}
    return cast(Receipt, {"id": name, "status": "deleted", "removed": {}, **answer})


async def pages(
    transport: Transport, path: str, name: str, query: Mapping[str, str | int] | None = None
) -> AsyncIterator[dict[str, Any]]:
    """The entries called `name` of every page, following `next_cursor`."""
    asked = dict(query or {})
    while True:
        page = await transport.json("GET", path, query=asked)
        for each in page.get(name, []):
            yield each
        cursor = page.get("next_cursor")
        if not cursor:
            return
        asked["cursor"] = cursor
