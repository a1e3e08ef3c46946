"""Removal: hidden at once, gone from everywhere, finished by the sweep when a part was away."""

from tests.gateway.suite import Suite

from lorekeep_chassis import errors
from lorekeep_gateway import callees
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.removal import Receipt, sweep

DOCUMENTS = "/api/v1/collections/demo/documents"
TABLES = ("documents", "versions", "jobs")


def removed(**counts: int) -> dict[str, int]:
    return {**Receipt().counts, **counts}


async def _swept(suite: Suite) -> int:
    async with callees.opened(suite.settings) as stubs:
        return await sweep(suite.database, Blobs(suite.settings.blobs_url), stubs, older_than_seconds=0)


async def test_a_document_goes_from_index_blobs_and_tables(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a", text="first")
    await suite.upload(document_id="a", text="second")
    await suite.index(collection["id"], "a", "one", "two")
    await suite.sql("update jobs set status = 'succeeded'")
    answer = await suite.http.delete(f"{DOCUMENTS}/a")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "a",
        "status": "deleted",
        "removed": removed(documents=1, versions=2, blobs=2, chunks=2, jobs=2),
    }
    assert [await suite.rows(table) for table in TABLES] == [0, 0, 0]
    assert suite.files() == []
    assert (await suite.http.delete(f"{DOCUMENTS}/a")).status_code == 404


async def test_a_blob_that_another_document_needs_stays(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="the same")
    await suite.upload(document_id="b", text="the same")
    assert (await suite.http.delete(f"{DOCUMENTS}/a")).json()["removed"]["blobs"] == 0
    assert (await suite.http.get(f"{DOCUMENTS}/b/content")).content == b"the same"
    assert (await suite.http.delete(f"{DOCUMENTS}/b")).json()["removed"]["blobs"] == 1
    assert suite.files() == []


async def test_hidden_at_once_while_search_is_away_and_finished_by_the_sweep(suite: Suite) -> None:
    collection = await suite.collection()
    for name in ("a", "b"):
        await suite.upload(document_id=name, text=name)
        await suite.index(collection["id"], name, f"text of {name}")
    suite.search.failure = errors.Overloaded("Away.")
    answer = await suite.http.delete(f"{DOCUMENTS}/a")
    assert (answer.status_code, answer.json()["status"]) == (202, "deleting")
    assert (await suite.http.get(f"{DOCUMENTS}/a")).status_code == 404
    assert [each["id"] for each in (await suite.http.get(DOCUMENTS)).json()["documents"]] == ["b"]
    suite.search.failure = None
    hits = (await suite.http.post("/api/v1/collections/demo/search", json={"query": "q"})).json()["hits"]
    assert [each["document_id"] for each in hits] == ["b"]
    assert await _swept(suite) == 1
    assert await suite.rows("documents") == 1
    assert await _swept(suite) == 0


async def test_the_id_is_free_at_once(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="old")
    await suite.sql("update documents set status = 'deleting'")
    again = await suite.upload(document_id="a", text="new")
    assert again["document"]["version"] == 1
    assert await _swept(suite) == 1
    assert (await suite.http.get(f"{DOCUMENTS}/a/content")).content == b"new"


async def test_a_running_job_loses_its_lease_and_the_sweep_does_the_rest(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="a"))["job"]["id"]
    await suite.sql(
        "update jobs set status = 'running', lease_token = gen_random_uuid(), lease_until = now() + interval '1 minute'"
    )
    answer = await suite.http.delete(f"{DOCUMENTS}/a")
    assert (answer.status_code, answer.json()["status"]) == (202, "deleting")
    (row,) = await suite.sql("select status, lease_token from jobs")
    assert (row["status"], row["lease_token"]) == ("cancelled", None)
    assert (await suite.http.get(f"/api/v1/jobs/{job}")).status_code == 404
    assert await _swept(suite) == 0, "until its lease is over the worker may still write to the index"
    assert await suite.rows("documents") == 1
    await suite.sql("update jobs set lease_until = now()")
    assert await _swept(suite) == 1
    assert [await suite.rows(table) for table in TABLES] == [0, 0, 0]


async def test_a_collection_goes_with_all_that_it_holds(suite: Suite) -> None:
    collection = await suite.collection()
    for number in range(3):
        await suite.upload(document_id=str(number), text=str(number))
        await suite.index(collection["id"], str(number), "text")
    answer = await suite.http.delete("/api/v1/collections/demo")
    assert answer.status_code == 200
    assert answer.json()["removed"] == removed(documents=3, versions=3, blobs=3, chunks=3, jobs=3)
    assert [await suite.rows(table) for table in (*TABLES, "collections", "generations")] == [0] * 5
    assert suite.files() == []
    await suite.collection()


async def test_a_collection_is_hidden_while_search_is_away(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a")
    await suite.index(collection["id"], "a", "text")
    suite.search.failure = errors.Unavailable("Away.")
    assert (await suite.http.delete("/api/v1/collections/demo")).status_code == 202
    assert (await suite.http.get("/api/v1/collections/demo")).status_code == 404
    await suite.collection()
    suite.search.failure = None
    assert await _swept(suite) == 1
    assert await suite.rows("collections") == 1
