"""What removal asks of search."""

from collections.abc import Iterable, Mapping
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls
from lorekeep_gateway.callees import Callees

_SEARCH_SECONDS = 10.0


async def remove_chunks(
    callees: Callees,
    organisation_id: str,
    collection_id: str,
    spaces: Iterable[Mapping[str, Any]],
    *,
    document_id: str = "",
    version_id: str = "",
) -> int:
    """Removes the chunks of a collection, a document or a version from index spaces; gives how many."""
    chunks = 0
    with calls.calling_as(_context(organisation_id, collection_id)), calls.deadline(_SEARCH_SECONDS):
        for each in spaces:
            scope = search_pb2.Scope(
                space=search_pb2.IndexSpace(**dict(each)),
                collection_id=collection_id,
                document_id=document_id,
                version_id=version_id,
            )
            async with client_calls.translated():
                answer = await callees.search.Remove(search_pb2.RemoveRequest(scope=scope))
            chunks += answer.chunk_count
    return chunks


async def forget_cache(callees: Callees, organisation_id: str) -> int:
    """Removes all that search and the embedder cache for an organisation; gives how many entries."""
    with calls.calling_as(_context(organisation_id, "")), calls.deadline(_SEARCH_SECONDS):
        async with client_calls.translated():
            answer = await callees.search.Forget(search_pb2.ForgetRequest())
    return int(answer.entry_count)


def _context(organisation_id: str, collection_id: str) -> calls.CallContext:
    return calls.CallContext(organisation_id, collection_id, "removal", calls.Lane.INTERACTIVE)
