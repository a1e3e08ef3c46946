"""Restores: an older version becomes the newest, from its artefact, and is switched to like any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors, tracing
from lorekeep_chassis.calls import Lane
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Session


@dataclass(frozen=True)
class Restored:
    """What was queued: ids by which it is shown."""

    document_id: str
    status: str
    name: str
    version: int
    job_id: str


async def restore(session: Session, principal: Principal, collection_id: str, public_id: str, number: int) -> Restored:
    """Adds a version like the one of that number and queues its job, inside a transaction of the caller's.

    NotFound where there is none such; AlreadyExists where it is visible, was never shown, or is kept no longer.
    """
    mine = {"organisation_id": principal.organisation_id}
    if not await session("upload_collection_alive", id=collection_id, **mine):
        raise errors.NotFound("There is no such collection. List them with GET /api/v1/collections.")
    document = await session("restore_hold", collection_id=collection_id, public_id=public_id, **mine)
    if document is None:
        raise errors.NotFound("There is no such document in this collection.", reason="document_not_found")
    older = await session("restore_version", document_id=document["id"], number=number, **mine)
    _check(older, document)
    version_id, job_id = new_id("ver"), new_id("job")
    added = await session("restore_add", id=version_id, version_id=older["id"], **mine)
    await session(
        "restore_enqueue",
        id=job_id,
        collection_id=collection_id,
        document_id=document["id"],
        version_id=version_id,
        lane=Lane.INTERACTIVE.value,
        traceparent=tracing.carrier().get("traceparent"),
        actor=principal.key_id,
        **mine,
    )
    noted = await session("restore_note", document_id=document["id"], **mine)
    return Restored(document["public_id"], noted["status"], older["name"], added["number"], job_id)


def _check(older: Mapping[str, Any] | None, document: Mapping[str, Any]) -> None:
    if older is None:
        raise errors.NotFound(
            "The document has no version of this number. List them with GET .../versions.", reason="version_not_found"
        )
    if older["id"] == document["version_id"]:
        raise errors.AlreadyExists("This version is the visible one already.", reason="version_not_restorable")
    if not older["restorable"]:
        raise errors.AlreadyExists(
            "This version was never ready, or is kept no longer. GET .../versions lists those that can be restored.",
            reason="version_not_restorable",
        )
