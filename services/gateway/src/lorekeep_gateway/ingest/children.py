"""What was found inside of a version becomes documents of their own, in the transaction that shows the version.

The switch of a version happens once, whoever finishes it, and so does this: no document is lost or made twice. What is
found again unchanged stays as it is, what changed gets a new version, what is not found any more is removed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors
from lorekeep_gateway.acceptance import stands
from lorekeep_gateway.blobs import Blob, Staged
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.ingest.attachments import MOST_DOCUMENTS
from lorekeep_gateway.ingest.child_ids import child_ids
from lorekeep_gateway.intake import MAX_NAME_CHARS, Submission
from lorekeep_gateway.removal import families
from lorekeep_gateway.store.database import Session

_MOST_ROUNDS = 20
_WARNING = "attachments_left_out: {count} documents are inside of this one beyond the {most} that one may lead to"


@dataclass(frozen=True)
class Child:
    """What was found at one place, and the document that it is or becomes."""

    ordinal: int
    submission: Submission
    document_id: str
    version_id: str
    job_id: str


async def renew(session: Session, version: Mapping[str, Any], job_id: str, organisation_id: str) -> int:
    """Brings the documents inside of one that is shown now to what its version holds; gives how many are to be read."""
    parent = await session(
        "children_parent",
        organisation_id=organisation_id,
        document_id=version["document_id"],
        version_id=version["version_id"],
        job_id=job_id,
    )
    if parent is None:
        return 0
    return await Children(session, parent, version["version_id"]).renew()


class Children:
    """The documents inside of one document, which is held."""

    def __init__(self, session: Session, parent: Mapping[str, Any], version_id: str) -> None:
        self._session = session
        self._parent = parent
        self._version_id = version_id
        self._mine = {"organisation_id": parent["organisation_id"]}

    async def renew(self) -> int:
        """Removes, adds and changes; gives how many are to be read."""
        for step in ("children_hold_jobs", "children_hold"):
            await self._session(step, parent_id=self._parent["id"], **self._mine)
        found = await self._session("attachments_of", version_id=self._parent["artefact_id"], **self._mine)
        wanted = dict(zip(await self._ids(found), found, strict=True))
        rows = await self._session("children_newest", parent_id=self._parent["id"], **self._mine)
        known = {each["public_id"]: each for each in rows}
        await self._remove([row["document_id"] for public_id, row in known.items() if public_id not in wanted])
        told = {public_id: self._submission(public_id, each) for public_id, each in wanted.items()}
        new = [(public_id, each) for public_id, each in wanted.items() if public_id not in known]
        room = await self._room()
        await self._leave_out([each["ordinal"] for _, each in new[room:]])
        added = [_child(each, told[public_id], new_id("doc")) for public_id, each in new[:room]]
        changed = [
            _child(wanted[public_id], told[public_id], row["document_id"])
            for public_id, row in known.items()
            if public_id in wanted and not (stands(row) and told[public_id].says_what(row))
        ]
        await self._add(added)
        await self._session("children_changed", ids=[each.document_id for each in changed], **self._mine)
        await self._enqueue([*added, *changed])
        await self._note({**{each.ordinal: each.document_id for each in added}, **_places(known, wanted)})
        return len(added) + len(changed)

    async def _ids(self, found: Sequence[Mapping[str, Any]]) -> list[str]:
        """Public ids that no other document has, the same for the same names."""
        names, avoided = [each["name"] for each in found], set[str]()
        for _ in range(_MOST_ROUNDS):
            ids = child_ids(self._parent["public_id"], names, avoided)
            rows = await self._session(
                "children_taken",
                collection_id=self._parent["collection_id"],
                parent_id=self._parent["id"],
                public_ids=ids,
                **self._mine,
            )
            if not rows:
                return ids
            avoided |= {each["public_id"] for each in rows}
        raise errors.Unavailable("Other documents have the ids of what is inside of this one.", reason="ids_taken")

    def _submission(self, public_id: str, found: Mapping[str, Any]) -> Submission:
        staged = Staged(Blob(found["blob_sha256"], found["size_bytes"]), None)
        name = found["name"][:MAX_NAME_CHARS] or "untitled"
        return Submission(
            staged, found["media_type"], name, self._parent["metadata"], public_id, reading=self._parent["reading"]
        )

    async def _remove(self, document_ids: Sequence[str]) -> None:
        if document_ids:
            organisation_id, collection_id = self._parent["organisation_id"], self._parent["collection_id"]
            await families.hide(self._session, organisation_id, collection_id, document_ids)

    async def _room(self) -> int:
        family = await self._session("attachment_family", document_id=self._parent["id"], **self._mine)
        return int(max(MOST_DOCUMENTS - family["documents"], 0))

    async def _leave_out(self, ordinals: Sequence[int]) -> None:
        if ordinals:
            version_id = self._parent["artefact_id"]
            await self._session("attachments_left", version_id=version_id, ordinals=ordinals, **self._mine)
            warning = _WARNING.format(count=len(ordinals), most=MOST_DOCUMENTS)
            await self._session("attachments_warned", version_id=self._version_id, warning=warning, **self._mine)

    async def _add(self, added: Sequence[Child]) -> None:
        """All of them; Unavailable where an upload took an id since it was looked at, and the whole is done again."""
        rows = await self._session(
            "children_add",
            collection_id=self._parent["collection_id"],
            parent_id=self._parent["id"],
            metadata=self._parent["metadata"],
            ids=[each.document_id for each in added],
            public_ids=[each.submission.document_id for each in added],
            names=[each.submission.name for each in added],
            **self._mine,
        )
        if len(rows) < len(added):
            raise errors.Unavailable("Another document took an id meanwhile.", reason="ids_taken")

    async def _enqueue(self, children: Sequence[Child]) -> None:
        documents = {"document_ids": [each.document_id for each in children], **self._mine}
        version_ids = [each.version_id for each in children]
        await self._session(
            "children_versions",
            ids=version_ids,
            hashes=[each.submission.blob.sha256 for each in children],
            sizes=[each.submission.blob.size_bytes for each in children],
            media_types=[each.submission.media_type for each in children],
            names=[each.submission.name for each in children],
            request_hashes=[each.submission.request_hash for each in children],
            metadata=self._parent["metadata"],
            reading=self._parent["reading"],
            **documents,
        )
        told = {name: self._parent[name] for name in ("collection_id", "lane", "traceparent", "actor")}
        job_ids = [each.job_id for each in children]
        await self._session("children_jobs", ids=job_ids, version_ids=version_ids, **told, **documents)

    async def _note(self, documents: Mapping[int, str]) -> None:
        await self._session(
            "attachments_made",
            version_id=self._parent["artefact_id"],
            ordinals=list(documents),
            document_ids=list(documents.values()),
            **self._mine,
        )


def _child(found: Mapping[str, Any], submission: Submission, document_id: str) -> Child:
    return Child(found["ordinal"], submission, document_id, new_id("ver"), new_id("job"))


def _places(known: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> dict[int, str]:
    return {
        each["ordinal"]: known[public_id]["document_id"] for public_id, each in wanted.items() if public_id in known
    }
