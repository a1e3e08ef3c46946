"""The plans of the main queries: each goes by its index, however large the tables grow."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosql
import asyncpg
import pytest

import lorekeep_gateway
from lorekeep_gateway.store.database import Session

FOLDER = Path(lorekeep_gateway.__file__).parent / "store" / "queries"
ROWS = """
insert into organisations select 'o' || n, 'o' || n from generate_series(0, 19) n;
insert into workspaces select 'w' || n, 'o' || n, 'default' from generate_series(0, 19) n;
insert into users select 'u' || n, 'u' || n from generate_series(0, 19) n;
insert into memberships select 'o' || n, 'u' || n, 'owner' from generate_series(0, 19) n;
insert into api_keys (id, organisation_id, workspace_id, owner_id, name, secret_sha256, scopes)
    select 'k' || n, 'o' || n % 20, 'w' || n % 20, 'u' || n % 20, 'k', sha256('x'), '{search}'
    from generate_series(0, 999) n;
insert into collections (id, organisation_id, workspace_id, name)
    select 'c' || n, 'o' || n % 20, 'w' || n % 20, 'n' || n from generate_series(0, 1999) n;
insert into generations select 'g' || n, 'o' || n % 20, 'c' || n, 'm', 'f', 't', 3, 'cosine', 9, 0, 0, 'live'
    from generate_series(0, 1999) n;
update collections set generation_id = 'g' || substr(id, 2);
insert into documents (id, organisation_id, collection_id, public_id, name, status, updated_at)
    select 'd' || n, 'o' || n % 20, 'c' || n % 200, 'p' || n, 'd',
           case when n % 100 = 0 then 'deleting' else 'ready' end, now() - n * interval '1 second'
    from generate_series(0, 19999) n;
update documents set parent_id = 'd' || (substr(id, 2)::integer - 200) where substr(id, 2)::integer % 400 > 199;
insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes, media_type, name,
                      request_hash)
    select 'v' || n, 'o' || n % 20, 'd' || n, 1, 'ready', 's' || n, 1, 't', 'n', 'h' from generate_series(0, 19999) n;
insert into attachments select 'o' || n % 20, 'v' || n, 0, 'n', 't', 'a' || n, 1 from generate_series(0, 19999) n;
insert into jobs (id, organisation_id, collection_id, document_id, version_id, actor, status, created_at, finished_at)
    select 'j' || n, 'o' || n % 20, 'c' || n % 200, 'd' || n, 'v' || n, 'k', 'succeeded',
           now() - n * interval '1 minute', now() - n * interval '1 minute'
    from generate_series(0, 19999) n;
insert into jobs (id, organisation_id, collection_id, document_id, version_id, actor, status, dead, created_at)
    select 'l' || n, 'o' || n % 20, 'c' || n % 200, 'd' || n, 'v' || n, 'k',
           case when n % 40 < 20 then 'queued' else 'failed' end, n % 40 >= 20, now() - n * interval '1 minute'
    from generate_series(0, 1999) n;
insert into job_runs (job_id, organisation_id, number, worker, ended_at, outcome)
    select 'j' || n, 'o' || n % 20, m, 'w', now(), 'succeeded'
    from generate_series(0, 19999) n, generate_series(1, 2) m;
insert into idempotency_keys select 'o' || n % 20, 'i' || n, 'h', '{}', 202 from generate_series(0, 4999) n;
insert into tombstones (organisation_id, collection_id, document_id, spaces)
    select 'o' || n % 20, 'c' || n % 200, 'x' || n, '[]' from generate_series(0, 19999) n;
insert into flips select 'c' || n, 'o' || n % 20, 1, '[]', 'j' from generate_series(0, 1999) n;
analyze;
"""
NOW = datetime.now(UTC)
MINE = {"organisation_id": "o1", "workspace_id": "w1", "allowed": None}
JOBS = {
    **MINE,
    **dict.fromkeys(
        ("ids", "status", "dead", "queue", "lane", "kind", "stage", "collection_id", "document_id",
         "older_than_seconds", "before", "before_id")
    ),
}  # fmt: skip
BEFORE = {"before": datetime.now(UTC), "before_id": "j99"}
EVERY = dict.fromkeys(("status", "kind", "parent_id"))
IN_COLLECTION = {"organisation_id": "o1", "collection_id": "c1"}
QUERIES: list[tuple[str, dict[str, Any], str]] = [
    ("key_to_verify", {"id": "k1"}, "api_keys_pkey"),
    ("collections_page", {**MINE, "after": "", "limit": 9}, "collections_by_workspace"),
    ("collections_found", {**MINE, "references": ["c1", "n1"]}, "collections"),
    ("documents_page", {**IN_COLLECTION, **EVERY, "before": None, "limit": 9}, "documents_listed"),
    (
        "documents_page",
        {**IN_COLLECTION, **EVERY, "parent_id": "d1", "before": None, "limit": 9},
        "documents_by_parent",
    ),
    ("attachment_family", {"organisation_id": "o1", "document_id": "d201"}, "documents_by_parent"),
    ("attachments_of", {"organisation_id": "o1", "version_id": "v1"}, "attachments_pkey"),
    (
        "children_parent",
        {"organisation_id": "o1", "document_id": "d1", "version_id": "v1", "job_id": "j1"},
        "documents_by_parent",
    ),
    ("children_newest", {"organisation_id": "o1", "parent_id": "d1"}, "documents_by_parent"),
    ("children_taken", {**IN_COLLECTION, "parent_id": "d1", "public_ids": ["p1"]}, "documents_by_public_id"),
    ("upload_newest", {**IN_COLLECTION, "public_id": "p1"}, "documents_by_public_id"),
    ("upload_waiting", {"organisation_id": "o1", "limit": 9}, "jobs_waiting"),
    ("document_shown", {**IN_COLLECTION, "public_id": "p1"}, "documents_by_public_id"),
    ("documents_alive", {"organisation_id": "o1", "ids": ["d1"]}, "documents"),
    ("jobs_shown", {**JOBS, "ids": ["j1"], "limit": 1}, "jobs_organisation_id_id_key"),
    ("jobs_shown", {**JOBS, "limit": 51}, "jobs_listed"),
    ("jobs_shown", {**JOBS, **BEFORE, "limit": 51}, "jobs_listed"),
    ("jobs_shown", {**JOBS, "document_id": "d1", "limit": 51}, "jobs_by_document"),
    ("job_runs_shown", {"organisation_id": "o1", "job_id": "j1", "limit": 100}, "job_runs_pkey"),
    ("job_revisions", {"organisation_ids": ["o1"], "ids": ["j1"]}, "jobs_"),
    ("job_pace", {"organisation_id": "o1"}, "jobs_succeeded"),
    ("job_places", {"organisation_id": "o1", "ids": ["j1"]}, "jobs_waiting"),
    ("job_queues", MINE, "jobs_dead"),
    ("retry_hold", {"organisation_id": "o1", "id": "j1"}, "jobs_organisation_id_id_key"),
    ("retry_jobs", {"organisation_id": "o1", "ids": ["j1"]}, "jobs_organisation_id_id_key"),
    ("blob_used", {"organisation_id": "o1", "sha256": "s1"}, "versions_by_blob"),
    ("blob_used", {"organisation_id": "o1", "sha256": "s1"}, "attachments_by_blob"),
    ("removal_blob_shared", {"organisation_id": "o1", "sha256": "s1", "document_id": "d1"}, "attachments_by_blob"),
    ("removal_attachment_blobs", {"organisation_id": "o1", "document_id": "d1"}, "attachments_pkey"),
    ("removal_family", {**IN_COLLECTION, "document_id": "d1", "limit": 9}, "documents_by_parent"),
    ("removal_mark_below", {"organisation_id": "o1", "document_ids": ["d1"]}, "documents_by_parent"),
    ("removal_hold_jobs_below", {"organisation_id": "o1", "document_ids": ["d1"]}, "documents_by_parent"),
    ("removal_versions", {"organisation_id": "o1", "document_id": "d1"}, "versions_document_id_number_key"),
    ("removal_documents", {**IN_COLLECTION, "limit": 9}, "documents"),
    ("removal_leased", {**IN_COLLECTION, "document_ids": None}, "jobs_leased"),
    (
        "reconcile_versions",
        {"organisation_id": "o1", "ids": ["v1"], "began_at": NOW},
        "versions_organisation_id_id_key",
    ),
    (
        "reconcile_shown",
        {**IN_COLLECTION, "after": "", "until": None, "began_at": NOW, "limit": 9},
        "documents_listed",
    ),
    ("sweep_needed_blobs", {"organisation_id": "o1", "hashes": ["s1"]}, "versions_by_blob"),
    ("sweep_needed_artefacts", {"organisation_id": "o1", "ids": ["v1"]}, "versions_by_artefact"),
    ("scrub_page", {"organisation_id": "", "sha256": "", "limit": 9, "warning": "w"}, "versions_by_blob"),
    ("tombstones_page", {**IN_COLLECTION, "document_id": "", "limit": 9}, "tombstones_pkey"),
    ("removal_left_documents", {"older_than_seconds": 1.0, "limit": 9}, "documents_left"),
    ("idempotency_found", {"organisation_id": "o1", "key": "i1"}, "idempotency_keys_pkey"),
]


class _Explaining:
    """Stands where a connection stands, and explains what it would run."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *values: object) -> list[Any]:
        rows = await self._connection.fetch(f"explain {sql}", *values)
        return [row[0] for row in rows]

    async def fetchrow(self, sql: str, *values: object) -> Any:
        return await self.fetch(sql, *values)

    async def fetchval(self, sql: str, *values: object) -> Any:
        return await self.fetch(sql, *values)


async def test_the_main_queries_go_by_their_indexes(database_url: str, subtests: pytest.Subtests) -> None:
    """Over tables with rows of twenty organisations, none of which is read whole."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(ROWS)
        session = Session(_Explaining(connection), aiosql.from_path(FOLDER, "asyncpg", mandatory_parameters=False))
        for name, parameters, index in QUERIES:
            with subtests.test(name):
                plan = "\n".join(await session(name, **parameters))
                assert index in plan, plan
                assert "Seq Scan" not in plan, plan
    finally:
        await connection.close()
