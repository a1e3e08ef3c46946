"""The wall between organisations: every route, with another's ids, finds nothing; every statement names whose it is."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.suite import Suite

import lorekeep_gateway
from lorekeep_gateway.http.app import ROUTERS
from lorekeep_gateway.http.auth import scopes_of
from lorekeep_gateway.http.description import operations

QUERIES = Path(lorekeep_gateway.__file__).parent / "store" / "queries"
OURS = (
    *(
        "attachments",
        "collections",
        "documents",
        "job_views",
        "keys",
        "organisation_removal",
        "organisations",
        "reconciliation",
    ),
    *("removal", "staged_uploads", "sweeper", "tombstones", "uploads", "versions", "webhooks"),
)
TENANT_TABLES = (
    "workspaces", "memberships", "api_keys", "collections", "generations", "documents", "versions", "jobs", "flips",
    "idempotency_keys", "audit_logs", "uploads", "upload_parts", "webhooks", "webhook_deliveries", "job_runs",
    "attachments",
)  # fmt: skip
BODIES: dict[str, Any] = {
    "PATCH /api/v1/collections/{collection}": {"name": "stolen"},
    "POST /api/v1/collections/{collection}/documents": {"text": "planted"},
    "POST /api/v1/collections/{collection}/documents:batch": {"documents": [{"text": "planted"}]},
    "POST /api/v1/collections/{collection}/search": {"query": "secret"},
    "POST /api/v1/collections/{collection}/chunks:preview": {"document": "plan"},
    "POST /api/v1/search": {"query": "secret"},
    "POST /api/v1/collections/{collection}/texts": {"text": "planted"},
    "PATCH /api/v1/collections/{collection}/texts/{document}": {"text": "planted"},
    "POST /api/v1/collections/{collection}/qnas": {"question": "planted", "answer": "planted"},
    "POST /api/v1/collections/{collection}/websites": {"url": "http://example.org/"},
    "POST /api/v1/collections/{collection}/uploads": {"name": "planted", "size_bytes": 1},
    "POST /api/v1/webhooks": {"url": "https://example.com", "events": ["job.failed"]},
    "PATCH /api/v1/webhooks/{webhook}": {"active": False},
}
# By another's collection these find nothing; what they tell without one is asked for in test_jobs.py.
QUERIES_WITH_IDS = {"GET /api/v1/jobs": "?collection={collection}"}
WITHOUT_IDS = {
    "POST /api/v1/collections",
    "POST /general/v0/general",
    "GET /api/v1/collections",
    "GET /api/v1/queues",
    "GET /api/v1/webhooks",
    "GET /api/v1/workers",
}


async def _owned(suite: Suite) -> dict[str, str]:
    """What an organisation owns, and another shall not find."""
    collection = await suite.collection("secrets")
    told = await suite.upload("secrets", document_id="plan", text="The secret plan.")
    await suite.index(collection["id"], "plan", "The secret plan.")
    begun = await suite.http.post("/api/v1/collections/secrets/uploads", json={"name": "secret plan", "size_bytes": 9})
    upload = begun.json()["upload"]["id"]
    hook = await suite.http.post("/api/v1/webhooks", json=BODIES["POST /api/v1/webhooks"])
    webhook = {"webhook": hook.json()["id"], "delivery": "dlv_1"}
    parts = {"upload": upload, "number": "1"}
    return {"collection": collection["id"], "document": "plan", "job": told["job"]["id"], **webhook, **parts}


async def test_every_route_finds_nothing_of_another_organisation(suite: Suite, subtests: pytest.Subtests) -> None:
    owned = await _owned(suite)
    before = [await suite.sql(f"select * from {table} order by id") for table in ("collections", "documents", "jobs")]
    walked = 0
    async with suite.caller(await suite.key_for("other")) as other:
        for route, method in operations(ROUTERS):
            operation = f"{method} {route.path_format}"
            if scopes_of(route.dependant) is None or operation in WITHOUT_IDS:
                continue
            for collection in (owned["collection"], "secrets"):
                template = route.path_format + QUERIES_WITH_IDS.get(operation, "")
                path = template.format(**{**owned, "collection": collection})
                body = BODIES.get(operation)
                if operation == "POST /api/v1/search":
                    body = {**BODIES[operation], "collections": [collection]}
                if operation == "POST /api/v1/webhooks":
                    body = {**BODIES[operation], "collection": collection}
                if operation == "POST /api/v1/jobs:retry":
                    body = {"collection": collection}
                with subtests.test(f"{method} {path}"):
                    answer = await other.request(method, path, json=body)
                    assert (answer.status_code, "secret plan" in answer.text) == (404, False), answer.text
                    walked += 1
        assert (await other.get("/api/v1/collections")).json()["collections"] == []
    assert walked >= 60
    after = [await suite.sql(f"select * from {table} order by id") for table in ("collections", "documents", "jobs")]
    assert after == before


async def test_unknown_and_foreign_are_the_same(suite: Suite) -> None:
    owned = await _owned(suite)
    async with suite.caller(await suite.key_for("other")) as other:
        for known, unknown in ((owned["job"], "job_" + "0" * 26), (owned["collection"], "col_" + "0" * 26)):
            kind = "jobs" if known.startswith("job_") else "collections"
            answers = [(await other.get(f"/api/v1/{kind}/{each}")).json()["error"] for each in (known, unknown)]
            texts = [each["message"].replace(known, "").replace(unknown, "") for each in answers]
            assert texts[0] == texts[1]
            assert answers[0]["reason"] == answers[1]["reason"]


async def test_search_is_asked_in_the_name_of_the_caller(suite: Suite) -> None:
    owned = await _owned(suite)
    async with suite.caller(await suite.key_for("other")) as other:
        mine = (await other.post("/api/v1/collections", json={"name": "mine"})).json()["id"]
        await other.post("/api/v1/collections/mine/documents", json={"text": "mine", "document_id": "m"})
        await suite.index(mine, "m", "mine")
        answer = await other.post("/api/v1/search", json={"query": "plan", "collections": ["mine"]})
    assert [each["text"] for each in answer.json()["hits"]] == ["mine"]
    (organisation,) = await suite.sql("select organisation_id from collections where id = $1", mine)
    assert suite.search.organisations[-1] == organisation["organisation_id"]
    assert [each.collection_id for each in suite.search.asked[-1].targets] == [mine] != [owned["collection"]]


async def test_a_collection_of_another_workspace_is_not_found(suite: Suite) -> None:
    await _owned(suite)
    await suite.sql("insert into workspaces values ('ws_2', (select id from organisations), 'second')")
    await suite.sql("update api_keys set workspace_id = 'ws_2'")
    assert (await suite.http.get("/api/v1/collections/secrets")).status_code == 404


def _statements() -> list[tuple[str, str]]:
    found = []
    for name in OURS:
        for block in (QUERIES / f"{name}.sql").read_text().split("-- name: ")[1:]:
            found.append((block.splitlines()[0], block))
    return found


@pytest.mark.parametrize(("name", "statement"), _statements(), ids=[name for name, _ in _statements()])
def test_every_statement_on_a_tenants_table_names_the_organisation(name: str, statement: str) -> None:
    tables = re.findall(r"\b(?:from|join|into|update)\s+([a-z_]+)", statement)
    if set(tables) & set(TENANT_TABLES):
        assert "organisation_id" in statement, name
