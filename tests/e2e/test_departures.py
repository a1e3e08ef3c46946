"""Documents, collections and organisations that are deleted: receipts that are right, and nothing left in any store."""

import json
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from lorekeep_sdk import Lorekeep, LorekeepApiError
from tests.chaos import passages
from tests.e2e.stores import Stores
from tests.e2e.suite import Suite, eventually, running

pytestmark = pytest.mark.e2e
COLLECTION, OTHER = "leaving", "staying"
_KEPT_ON_PURPOSE = {"audit_logs", "tombstones"}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    home = tmp_path_factory.mktemp("departures") / "home"
    with running(home, LOREKEEP_OUTBOUND_ALLOWED="127.0.0.1", LOREKEEP_JANITOR_SECONDS="1") as it:
        yield it


class Tenant(NamedTuple):
    """An organisation of a test's own, with a client that acts for it."""

    name: str
    key: str
    client: Lorekeep


@pytest.fixture
def tenant(suite: Suite, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    name = str(request.node.name)
    _admin(suite, "organisation", "create", name)
    scopes = [part for scope in ("search", "ingest", "manage") for part in ("--scope", scope)]
    key = _admin(suite, "key", "create", "all", "--organisation", name, *scopes, "--no-rate-limits").strip()
    with Lorekeep(url=suite.url, key=key) as client:
        client.collections.create(COLLECTION)
        client.collections.create(OTHER)
        _add(client, OTHER, "stays", "The pier stays where it is.")
        yield Tenant(name, key, client)


def _admin(suite: Suite, *arguments: str) -> str:
    ended = suite.lorekeep("admin", *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _add(client: Lorekeep, collection: str, document_id: str, content: str | bytes) -> None:
    if isinstance(content, str):
        accepted = client.documents.add_text(collection, content, title="note", document_id=document_id)
    else:
        accepted = client.documents.add(collection, content, name="book.pdf", document_id=document_id)
    assert client.jobs.wait(accepted["job"]["id"], timeout_seconds=60)["status"] == "succeeded"


def _fill(client: Lorekeep) -> str:
    """Two documents, one of them with two versions of which one is a book; gives the collection's id."""
    lines = passages.sentences("quocaix", "main", 1, 12 * 15, random.Random(4))
    _add(client, COLLECTION, "book", passages.pdf(lines))
    _add(client, COLLECTION, "book", "The book was lost at sea.")
    _add(client, COLLECTION, "shared", "The pier stays where it is.")
    return client.collections.get(COLLECTION)["id"]


def _held(stores: Stores, collection_id: str, document_id: str | None = None) -> dict[str, int]:
    """What a receipt of the collection, or of one document, is to tell; bytes that others need are left."""
    rows = stores.rows(
        "select d.id as document_id, v.id, v.organisation_id, v.blob_sha256, exists (select from versions o"
        " where o.organisation_id = v.organisation_id and o.blob_sha256 = v.blob_sha256 and o.document_id <> d.id)"
        " as shared from documents d join versions v on v.document_id = d.id where d.collection_id = $1"
        " and ($2::text is null or d.public_id = $2)",
        collection_id,
        document_id,
    )
    files, ids = stores.files(), {row["document_id"] for row in rows}
    return {
        "documents": len(ids),
        "versions": len(rows),
        "blobs": len({row["blob_sha256"] for row in rows if not row["shared"]}),
        "segments": sum(path.split("/")[-2] == row["id"] for path in files for row in rows),
        "chunks": sum(stores.points(collection_id, each) for each in ids),
        "jobs": stores.count("select count(*) from jobs where document_id = any($1)", list(ids)),
        "cache_entries": 0,
    }


def test_a_document_goes_with_all_of_its_versions(suite: Suite, tenant: Tenant) -> None:
    client = tenant.client
    stores, collection_id = Stores(suite), _fill(client)
    held, others = _held(stores, collection_id, "book"), _held(stores, collection_id, "shared")
    assert (held["versions"], held["blobs"], held["segments"] >= 3, held["chunks"] > 2) == (2, 2, True, True)
    receipt = client.documents.delete(COLLECTION, "book")
    assert (receipt["id"], receipt["status"], receipt["removed"]) == ("book", "deleted", held)
    assert client.search(COLLECTION, "book lost at sea", mode="lexical")["hits"] == []
    assert _held(stores, collection_id, "book") == dict.fromkeys(held, 0)
    assert _held(stores, collection_id) == others


def test_a_collection_goes_with_all_of_its_documents(suite: Suite, tenant: Tenant) -> None:
    client = tenant.client
    stores, collection_id = Stores(suite), _fill(client)
    held = _held(stores, collection_id)
    ended = suite.lorekeep("collections", "delete", COLLECTION, "--yes", "--json", "--key", tenant.key)
    receipt = json.loads(ended.stdout)
    assert (receipt["status"], receipt["removed"]) == ("deleted", held)
    assert _held(stores, collection_id) == dict.fromkeys(held, 0)
    assert stores.points(collection_id) == 0
    assert client.search(OTHER, "pier", mode="lexical")["hits"][0]["document_id"] == "stays"
    assert client.documents.content(OTHER, "stays")


def test_an_organisation_goes_with_all_that_it_has(suite: Suite, tenant: Tenant) -> None:
    client, stores = tenant.client, Stores(suite)
    collection_id, other_id = _fill(client), client.collections.get(OTHER)["id"]
    row = stores.rows("select organisation_id from collections where id = $1", collection_id)[0]
    organisation_id = row["organisation_id"]
    hook = client.webhooks.create("http://127.0.0.1:65000/nobody")
    upload = client.uploads.create(COLLECTION, name="begun.txt", size_bytes=10_000_000)
    client.uploads.send_part(COLLECTION, upload["id"], 1, b"x" * upload["part_bytes"])
    _add(client, OTHER, "told", "Whoever listens is told.")
    eventually(lambda: list(client.webhooks.deliveries(hook["id"])))
    held, others = _held(stores, collection_id), _held(stores, other_id)
    files = {path for path in stores.files() if path.startswith(f"organisations/{organisation_id}/")}
    assert files
    assert stores.points(collection_id) + stores.points(other_id) == held["chunks"] + others["chunks"]
    said = _admin(suite, "organisation", "delete", tenant.name, "--yes")
    told = {line.split()[0]: int(line.split()[1]) for line in said.splitlines()[:-1]}
    assert {each: told[each] for each in ("documents", "versions", "chunks", "jobs")} == {
        each: held[each] + others[each] for each in ("documents", "versions", "chunks", "jobs")
    }
    _nothing_left(stores, organisation_id)
    assert [stores.points(collection_id), stores.points(other_id)] == [0, 0]
    with pytest.raises(LorekeepApiError) as refused:
        client.collections.get(COLLECTION)
    assert refused.value.status == 401


def _nothing_left(stores: Stores, organisation_id: str) -> None:
    tables = stores.rows(
        "select table_name as name from information_schema.columns"
        " where table_schema = 'public' and column_name = 'organisation_id'"
    )  # fmt: skip
    names = {row["name"] for row in tables} - _KEPT_ON_PURPOSE
    assert {"documents", "versions", "jobs", "job_runs", "webhook_deliveries", "uploads"} <= names
    counts = {
        name: stores.count(f"select count(*) from {name} where organisation_id = $1", organisation_id) for name in names
    }
    assert counts == dict.fromkeys(names, 0)
    assert stores.count("select count(*) from organisations where id = $1", organisation_id) == 0
    assert stores.count("select count(*) from upload_parts") == 0
    assert {path for path in stores.files() if organisation_id in path} == set()
