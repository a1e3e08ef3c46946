"""Documents inside of documents, as the public side shows, lists and deletes them."""

from typing import Any

from tests.gateway.suite import Suite
from tests.gateway.test_removal import DOCUMENTS, TABLES


async def _family(suite: Suite) -> str:
    """A mail with two documents inside of it, one of which has one; gives the collection's id."""
    collection = await suite.collection()
    for public_id in ("mail", "mail/a.txt", "mail/b.zip", "mail/b.zip/c.txt", "other"):
        await suite.upload(document_id=public_id, text=f"text of {public_id}")
        await suite.index(collection["id"], public_id, f"text of {public_id}")
    for parent, inside in (("mail", "mail/a.txt"), ("mail", "mail/b.zip"), ("mail/b.zip", "mail/b.zip/c.txt")):
        await suite.sql(
            "update documents set parent_id = (select id from documents where public_id = $1) where public_id = $2",
            parent,
            inside,
        )
    return str(collection["id"])


async def _shown(suite: Suite, public_id: str) -> dict[str, Any]:
    answer = await suite.http.get(f"{DOCUMENTS}/{public_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _listed(suite: Suite, **only: str) -> list[str]:
    answer = await suite.http.get(DOCUMENTS, params=only)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["documents"]]


async def test_a_document_tells_its_parent_and_how_many_are_inside(suite: Suite) -> None:
    await _family(suite)
    told = {
        each: await _shown(suite, each) for each in ("mail", "mail/a.txt", "mail/b.zip", "mail/b.zip/c.txt", "other")
    }
    assert {name: (each["parent"], each["children_count"]) for name, each in told.items()} == {
        "mail": (None, 2),
        "mail/a.txt": ("mail", 0),
        "mail/b.zip": ("mail", 1),
        "mail/b.zip/c.txt": ("mail/b.zip", 0),
        "other": (None, 0),
    }


async def test_what_is_inside_is_listed_by_its_parent(suite: Suite) -> None:
    await _family(suite)
    assert await _listed(suite, parent="mail") == ["mail/b.zip", "mail/a.txt"]
    assert await _listed(suite, parent="mail", limit="1") == ["mail/b.zip"]
    assert await _listed(suite, parent="mail/b.zip", status="ready") == ["mail/b.zip/c.txt"]
    assert await _listed(suite, parent="other") == []
    assert len(await _listed(suite)) == 5
    assert (await suite.http.get(DOCUMENTS, params={"parent": "none"})).status_code == 404


async def test_a_parent_of_another_collection_is_not_found(suite: Suite) -> None:
    await _family(suite)
    await suite.collection("elsewhere")
    answer = await suite.http.get("/api/v1/collections/elsewhere/documents", params={"parent": "mail"})
    assert answer.status_code == 404


async def test_deleting_takes_what_is_inside_and_counts_it(suite: Suite) -> None:
    await _family(suite)
    told = (await suite.http.delete(f"{DOCUMENTS}/mail")).json()
    assert told["status"] == "deleted"
    assert {name: told["removed"][name] for name in ("documents", "versions", "blobs", "chunks", "jobs")} == {
        "documents": 4,
        "versions": 4,
        "blobs": 4,
        "chunks": 4,
        "jobs": 4,
    }
    assert await _listed(suite) == ["other"]
    assert [await suite.rows(table) for table in TABLES] == [1, 1, 1]


async def test_what_is_inside_of_much_is_hidden_at_once(suite: Suite) -> None:
    collection = await _family(suite)
    await suite.sql(
        "insert into documents (id, organisation_id, collection_id, public_id, name, status, parent_id)"
        " select 'doc_' || n, organisation_id, collection_id, 'n' || n, 'n', 'ready', id from documents,"
        " generate_series(1, 101) n where collection_id = $1 and public_id = 'mail'",
        collection,
    )
    answer = await suite.http.delete(f"{DOCUMENTS}/mail")
    assert (answer.status_code, answer.json()["status"]) == (202, "deleting")
    assert await _listed(suite) == ["other"]


async def test_a_child_goes_alone(suite: Suite) -> None:
    await _family(suite)
    assert (await suite.http.delete(f"{DOCUMENTS}/mail/b.zip")).json()["removed"]["documents"] == 2
    assert (await _shown(suite, "mail"))["children_count"] == 1
