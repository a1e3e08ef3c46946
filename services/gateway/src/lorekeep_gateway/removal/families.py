"""Documents inside of documents: hidden and ended together, in a transaction of the caller's."""

from collections.abc import Sequence

from lorekeep_gateway.store.database import Session


async def hide(session: Session, organisation_id: str, collection_id: str, document_ids: Sequence[str]) -> int:
    """Hides documents with all that is inside of them and ends their jobs; gives how many. The janitor removes them."""
    mine = {"organisation_id": organisation_id}
    marked = [each["id"] for each in await session("removal_mark", document_ids=list(document_ids), **mine)]
    hidden = [*marked, *await hide_below(session, organisation_id, marked)]
    await end(session, organisation_id, collection_id, hidden)
    return len(hidden)


async def hide_below(session: Session, organisation_id: str, document_ids: Sequence[str]) -> list[str]:
    """Hides what is inside of documents that are hidden; gives their ids.

    Whoever puts further documents into one holds that one, so the hiding waits for it and looks again.
    """
    hidden: list[str] = []
    mine = {"organisation_id": organisation_id, "document_ids": list(document_ids)}
    while True:
        await session("removal_hold_jobs_below", **mine)
        rows = await session("removal_mark_below", **mine)
        if not rows:
            return hidden
        hidden += [each["id"] for each in rows]


async def end(session: Session, organisation_id: str, collection_id: str, document_ids: Sequence[str]) -> None:
    """Takes workers their leases on hidden documents and leaves tombstones."""
    mine = {"organisation_id": organisation_id, "collection_id": collection_id, "document_ids": list(document_ids)}
    await session("removal_cancel_jobs", **mine)
    await session("tombstones_leave", **mine)
