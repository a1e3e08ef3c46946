"""What is there when all is quiet: rows, chunks, points and bytes."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

from lorekeep_sdk import AsyncLorekeep, NotFound
from tests.chaos.judge import Child, Chunk, Leftovers, Outcome, Story
from tests.chaos.world import World

_LOOK_SECONDS = 0.5
_UNQUIET = """
select (select count(*) from jobs where status in ('queued', 'running'))
     + (select count(*) from flips)
     + (select count(*) from versions where indexed and status in ('superseded', 'failed'))
     + (select count(*) from documents where status = 'deleting') as count
"""
_SPACES = """
select c.id, o.name as owner, c.name as collection, g.model, g.fingerprint, g.dimensions, g.distance,
       (select coalesce(sum(v.chunk_count), 0) from documents d join versions v on v.id = d.version_id
        where d.collection_id = c.id)::bigint as chunk_count
from collections c join organisations o on o.id = c.organisation_id join generations g on g.id = c.generation_id
"""
_JOBS = (
    "select j.id, d.public_id, j.status, j.stage, j.dead, j.error from jobs j join documents d on d.id = j.document_id"
)
_VERSIONS = "select d.public_id, o.name as owner, count(*) as count from versions v join documents d on d.id = v.document_id join organisations o on o.id = d.organisation_id where d.parent_id is null group by 1, 2"  # noqa: E501
_CHILDREN = """
with recursive below as (
    select id, organisation_id, public_id, status, error, public_id as root from documents where parent_id is null
    union all
    select d.id, d.organisation_id, d.public_id, d.status, d.error, below.root
    from below join documents d on d.parent_id = below.id
)
select b.public_id, b.status, b.error, b.root, o.name as owner
from below b join organisations o on o.id = b.organisation_id where b.public_id <> b.root
"""
_ATTACHED = "select organisation_id, blob_sha256 from attachments"
_COUNTS = """
select (select count(*) from flips) as flips,
       (select count(*) from jobs where status <> 'running' and lease_token is not null) as leases,
       (select count(*) from versions where indexed and status in ('superseded', 'failed')) as unswept,
       (select count(*) from documents where status = 'deleting') as unremoved
"""
# A version that was pruned keeps its row and gives up its bytes.
_BYTES = "select id, organisation_id, blob_sha256, segment_count, artefact_id from versions where pruned_at is null"


class Census:
    """Counts what a world holds."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def quiet(self, seconds: float) -> bool:
        """Whether nothing waits, runs or is left to be tidied, once that is so or `seconds` are over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            rows = await self._world.rows(_UNQUIET)
            if rows and rows[0]["count"] == 0:
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def outcome(self, client: AsyncLorekeep, story: Story) -> Outcome:
        """A document and its jobs as the API shows them."""
        jobs = {job: await _job(client, job) for job in story.jobs.values()}
        try:
            document = await client.documents.get(story.item.collection, story.item.document_id)
        except NotFound:
            return Outcome("gone", jobs=jobs)
        error = document.get("error")
        reason = error["reason"] if error else ""
        return Outcome(document["status"], reason, document.get("version") or 0, jobs)

    async def kept(self, owner: str, document_id: str) -> int:
        """How many chunks the row of the visible version says it has; -1 where there is none."""
        rows = await self._world.rows(
            "select v.chunk_count from documents d join versions v on v.id = d.version_id"
            " where d.organisation_id = $1 and d.public_id = $2",
            self._world.owners[owner].organisation_id,
            document_id,
        )
        return int(rows[0]["chunk_count"]) if rows and rows[0]["chunk_count"] is not None else -1

    async def children(self) -> dict[tuple[str, str], list[Child]]:
        """Everything inside of documents, at any depth, by owner and the id of the outermost one."""
        found: dict[tuple[str, str], list[Child]] = {}
        for row in await self._world.rows(_CHILDREN):
            reason = (json.loads(row["error"]) if row["error"] else {}).get("reason", "")
            child = Child(row["public_id"].removeprefix(f"{row['root']}/"), row["status"], reason)
            found.setdefault((row["owner"], row["root"]), []).append(child)
        return found

    async def leftovers(self, stories: Sequence[Story]) -> Leftovers:
        """Everything beyond the documents themselves."""
        jobs, counts = await self._world.rows(_JOBS), (await self._world.rows(_COUNTS))[0]
        unowned, missing = await self._bytes()
        spaces = await self._world.rows(_SPACES)
        return Leftovers(
            unended_jobs=[_told(row) for row in jobs if row["status"] in ("queued", "running")],
            dead_jobs=[_told(row) for row in jobs if row["dead"]],
            doubled=await self._doubled(stories),
            indexed={_space(row): await self._indexed(row) for row in spaces},
            expected={_space(row): row["chunk_count"] for row in spaces},
            blobs_without_row=unowned,
            rows_without_blob=missing,
            open_flips=counts["flips"],
            held_leases=counts["leases"],
            unswept_versions=counts["unswept"],
            unremoved_documents=counts["unremoved"],
        )

    async def _indexed(self, row: Any) -> int:
        space = {name: row[name] for name in ("model", "fingerprint", "dimensions", "distance")}
        return await self._world.indexed(row["owner"], row["id"], space)

    async def _doubled(self, stories: Sequence[Story]) -> list[str]:
        """Documents that have more or fewer versions than were accepted."""
        found = {(row["owner"], row["public_id"]): row["count"] for row in await self._world.rows(_VERSIONS)}
        wanted = {(each.item.owner, each.item.document_id): len(each.jobs) for each in stories if each.deleted is None}
        owners = {owner for owner, _ in wanted}
        strange = [key for key in found if key[0] in owners and key not in wanted]
        return [f"{key}: {found.get(key, 0)} versions, {count} accepted" for key, count in wanted.items()
                if found.get(key, 0) != count] + [f"{key} was not sent" for key in strange]  # fmt: skip

    async def _bytes(self) -> tuple[list[str], list[str]]:
        """Files that no row names, and rows whose files are missing."""
        versions, files = await self._world.rows(_BYTES), self._world.blobs()
        attached = await self._world.rows(_ATTACHED)
        originals = {_original(row["organisation_id"], row["blob_sha256"]) for row in [*versions, *attached]}
        homes = {_artefact(row["organisation_id"], row["artefact_id"] or row["id"]) for row in versions}
        unowned = [path for path in files if path not in originals and path.rpartition("/")[0] not in homes]
        segments = {
            f"{_artefact(row['organisation_id'], row['artefact_id'] or row['id'])}/{ordinal:06d}.pb.gz"
            for row in versions
            for ordinal in range(row["segment_count"] or 0)
        }
        return sorted(unowned), sorted((originals | segments) - files)


async def listed(client: AsyncLorekeep, collection: str, document_id: str) -> list[tuple[str, Chunk]]:
    """All chunks of a document with their ids, page by page."""
    return [
        (each["id"], Chunk(each["text"], each.get("page"), each["start"], each["end"]))
        async for each in client.documents.chunks(collection, document_id, page_size=100)
    ]


async def _job(client: AsyncLorekeep, job_id: str) -> str:
    try:
        job = await client.jobs.get(job_id)
    except NotFound:
        return "missing"
    error = job.get("error")
    return f"{job['status']}:{error['reason']}" if error and job["status"] != "succeeded" else job["status"]


def _space(row: Any) -> str:
    return f"{row['owner']}/{row['collection']}"


def _told(row: Any) -> str:
    return f"{row['public_id']} {row['status']} {row['stage']} {row['error'] or ''}".strip()


def _original(organisation_id: str, sha256: str) -> str:
    return f"organisations/{organisation_id}/blobs/{sha256[:2]}/{sha256}"


def _artefact(organisation_id: str, artefact_id: str) -> str:
    return f"organisations/{organisation_id}/artefacts/{artefact_id}"
