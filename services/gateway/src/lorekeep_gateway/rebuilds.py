"""Rebuilds: the visible version of a document is put into the index again, without reading its bytes and without
hiding what stands there."""

from collections.abc import Sequence

from lorekeep_chassis import tracing
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.store.database import Session

# What of an id tells the time; the rest is drawn for each row where the rows are made.
_TIME_CHARACTERS = len("job_") + 10


async def enqueue_rebuild(
    session: Session, organisation_id: str, collection_id: str, document_ids: Sequence[str] | None, actor: str
) -> int:
    """Queues a rebuild of each of these documents, by internal id, or of the whole collection for None; gives how many.

    Documents without a visible version have nothing to rebuild, and those with a rebuild under way need no other.
    The collection is held, so that of two who ask at once the second sees what the first queued: of two rebuilds beside
    each other one would hide again what the other has shown. Whoever commits rings the bell for `WORK`.
    """
    await session("lock_collection", organisation_id=organisation_id, collection_id=collection_id)
    queued = await session(
        "rebuild_enqueue",
        organisation_id=organisation_id,
        collection_id=collection_id,
        document_ids=None if document_ids is None else list(document_ids),
        id=new_id("job")[:_TIME_CHARACTERS],
        actor=actor,
        traceparent=tracing.carrier().get("traceparent"),
    )
    return len(queued)
