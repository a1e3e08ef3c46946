"""What is there already is told and not made again; what failed or is being cancelled is."""

import asyncio
from typing import Any

from tests.gateway.suite import Suite

from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.reconciliation.originals import Originals

DOCUMENTS = "/api/v1/collections/demo/documents"


async def test_the_same_again_makes_no_version_and_no_job(suite: Suite) -> None:
    await suite.collection()
    first = await suite.upload(document_id="a", text="one", title="A", metadata={"x": 1})
    again = await suite.upload(document_id="a", text="one", title="A", metadata={"x": 1})
    assert "unchanged" not in first
    assert again == {**first, "unchanged": True}
    assert await suite.rows("versions") == await suite.rows("jobs") == 1
    assert len(suite.files()) == 1


async def test_what_is_ready_is_told_with_its_ended_job(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a", text="one")
    await suite.index(collection["id"], "a", "one")
    again = await suite.upload(document_id="a", text="one")
    assert (again["unchanged"], again["document"]["status"], again["job"]["status"]) == (True, "ready", "succeeded")
    await suite.sql("delete from jobs")
    assert (await suite.upload(document_id="a", text="one"))["job"] is None


async def test_another_name_metadata_or_id_is_another_thing(suite: Suite) -> None:
    await suite.collection()
    told: dict[str, Any] = {"document_id": "a", "text": "one", "title": "A", "metadata": {"x": 1}}
    await suite.upload(**told)
    changes: list[dict[str, Any]] = [{"title": "B"}, {"metadata": {"x": 2}}, {"metadata": {"x": True}}, {"text": "two"}]
    for version, changed in enumerate(changes, start=2):
        assert (await suite.upload(**{**told, **changed}))["document"]["version"] == version
    twin = await suite.upload(**{**told, "document_id": "b"})
    assert (twin["document"]["version"], "unchanged" in twin) == (1, False)


async def test_only_the_newest_version_is_compared(suite: Suite) -> None:
    await suite.collection()
    for version, text in enumerate(["one", "two", "one"], start=1):
        assert (await suite.upload(document_id="a", text=text))["document"]["version"] == version


async def test_what_failed_or_was_cancelled_is_tried_anew(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="one")
    await suite.sql("update versions set status = 'failed'")
    second = await suite.upload(document_id="a", text="one")
    assert second["document"]["version"] == 2
    await suite.http.post(f"/api/v1/jobs/{second['job']['id']}/cancel")
    third = await suite.upload(document_id="a", text="one")
    assert third["document"]["version"] == 3
    await suite.sql(
        "update jobs set status = 'running', cancel_requested = true, lease_token = gen_random_uuid(), "
        "lease_until = now() where id = $1",
        third["job"]["id"],
    )
    assert (await suite.upload(document_id="a", text="one"))["document"]["version"] == 4


async def test_callers_at_once_make_one_version(suite: Suite) -> None:
    await suite.collection()
    answers = await asyncio.gather(*(suite.upload(document_id="a", text="one") for _ in range(12)))
    assert sum("unchanged" not in each for each in answers) == 1
    assert {each["job"]["id"] for each in answers} == {answers[0]["job"]["id"]}
    assert await suite.rows("versions") == await suite.rows("jobs") == 1
    assert len(suite.files()) == 1


async def test_each_item_of_a_batch_is_compared_for_itself(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="one")
    documents = [
        {"document_id": "a", "text": "one"},
        {"document_id": "b", "text": "one"},
        {"document_id": "b", "text": "one"},
        {"document_id": "b", "text": "two"},
    ]
    answer = await suite.http.post(f"{DOCUMENTS}:batch", json={"documents": documents})
    results = answer.json()["results"]
    assert [(each["document"]["version"], "unchanged" in each) for each in results] == [
        (1, True), (1, False), (1, True), (2, False),
    ]  # fmt: skip


async def test_batches_that_name_ids_in_other_orders_do_not_meet(suite: Suite) -> None:
    await suite.collection()
    ids = [f"d{number}" for number in range(20)]

    async def batch(order: list[str], text: str) -> int:
        documents = [{"document_id": each, "text": f"{text} {each}"} for each in order]
        return (await suite.http.post(f"{DOCUMENTS}:batch", json={"documents": documents})).status_code

    sent = [batch(ids if number % 2 else ids[::-1], f"text {number}") for number in range(6)]
    assert set(await asyncio.gather(*sent)) == {202}
    assert await suite.rows("versions") == 120


async def test_a_file_again_is_skipped_by_its_bytes(suite: Suite) -> None:
    await suite.collection()
    form: dict[str, Any] = {"files": {"file": ("a.md", b"# One")}, "data": {"document_id": "a"}}
    first = (await suite.http.post(DOCUMENTS, **form)).json()
    answer = await suite.http.post(DOCUMENTS, **form)
    assert answer.json() == {**first, "unchanged": True}
    assert answer.headers["location"] == first["job"]["status_url"]


async def test_the_same_bytes_to_be_read_in_another_way_are_another_thing(suite: Suite) -> None:
    await suite.collection()
    told = [
        (
            await suite.http.post(DOCUMENTS, files={"file": ("a.md", b"# One")}, data={"document_id": "a", **asked})
        ).json()
        for asked in ({}, {"strategy": "fast"}, {"strategy": "fast"}, {"languages": "de, en"}, {"languages": "de,en"})
    ]
    assert [(each["document"]["version"], "unchanged" in each) for each in told] == [
        (1, False), (2, False), (2, True), (3, False), (3, True),
    ]  # fmt: skip
    kept = [dict(each) for each in await suite.sql("select reading::text from versions order by number")]
    assert [each["reading"] for each in kept] == ["{}", '{"strategy": "fast"}', '{"languages": ["de", "en"]}']
    renamed = await suite.http.patch("/api/v1/collections/demo/files/a", json={"name": "b.md"})
    assert renamed.json()["document"]["version"] == 4
    (row,) = await suite.sql("select reading::text from versions where number = 4")
    assert row["reading"] == '{"languages": ["de", "en"]}'
    for wrong, field in (({"strategy": "x"}, "strategy"), ({"languages": "en,;"}, "languages")):
        refused = await suite.http.post(DOCUMENTS, files={"file": ("a.md", b"# One")}, data=wrong)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)


async def test_the_same_again_heals_bytes_that_were_lost(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a", text="one")
    await suite.index(collection["id"], "a", "one")
    (path,) = suite.files()
    path.unlink()
    originals = Originals(suite.database, Blobs(suite.settings.blobs_url))
    (organisation,) = (await suite.sql("select id from organisations"))[0]
    assert (await originals.organisation(organisation))["blob_missing"] == 1
    again = await suite.upload(document_id="a", text="one")
    assert (again["document"]["version"], again["unchanged"]) == (1, True)
    assert (await suite.http.get(f"{DOCUMENTS}/a/content")).text == "one"
    assert (await suite.sql("select warnings = '[]' from versions"))[0][0]
