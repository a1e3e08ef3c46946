"""Uploads: forms and JSON in, durable rows out, and nothing left of what was refused."""

from typing import Any

import pytest
from tests.gateway.suite import Suite

DOCUMENTS = "/api/v1/collections/demo/documents"


async def test_a_file_is_accepted_with_document_version_and_job_in_one_step(suite: Suite) -> None:
    await suite.collection(lang="string")
    answer = await suite.http.post(
        DOCUMENTS,
        files={"file": ("notes.md", b"# Refunds\n\nThey take five days.")},
        data={"metadata": '{"lang": "en", "free": [1]}', "document_id": "notes"},
    )
    assert answer.status_code == 202
    told = answer.json()
    shape = {"status": "pending", "name": "notes.md", "version": 1, "kind": "file", "source": {}}
    assert told["document"] == {"id": "notes", **shape}
    assert answer.headers["location"] == told["job"]["status_url"] == f"/api/v1/jobs/{told['job']['id']}"
    (job,) = await suite.sql("select * from jobs")
    assert (job["status"], job["lane"], job["traceparent"] is not None) == ("queued", "interactive", True)
    assert job["actor"].startswith("key_")
    shown = (await suite.http.get(f"{DOCUMENTS}/notes")).json()
    assert shown["media_type"] == "text/markdown"
    assert shown["metadata"] == {"lang": "en", "free": [1]}
    assert shown["size_bytes"] == 31
    assert (await suite.http.get(told["job"]["status_url"])).json()["document_id"] == "notes"


async def test_the_same_document_id_makes_the_next_version(suite: Suite) -> None:
    await suite.collection()
    first = await suite.upload(document_id="a/b.txt", text="one")
    second = await suite.upload(document_id="a/b.txt", text="two")
    assert (first["document"]["version"], second["document"]["version"]) == (1, 2)
    assert await suite.rows("documents") == 1
    assert (await suite.http.get(f"{DOCUMENTS}/a/b.txt")).json()["id"] == "a/b.txt"


REFUSED_FILES = [
    (b"", "nothing.txt", 422, "empty_file"),
    (b"MZ\x90\x00" + bytes(200), "tool.exe", 415, "unsupported_media"),
    (b"\x7fELF" + bytes(200), "tool.pdf", 415, "unsupported_media"),
    (b"Rar!\x1a\x07\x00" + bytes(50), "files.rar", 415, "unsupported_media"),
    (b"ID3\x03\x00" + bytes(range(256)) * 8, "song.mp3", 415, "unsupported_media"),
    (b"\x1f\x8b\x08\x00" + bytes(range(256)) * 8, "a.tar.gz", 415, "unsupported_media"),
    (b"x" * 65537, "large.txt", 413, "too_large"),
]


async def test_a_refused_file_leaves_nothing(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection()
    for content, name, status, reason in REFUSED_FILES:
        with subtests.test(name):
            answer = await suite.http.post(DOCUMENTS, files={"file": (name, content)})
            assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
            assert suite.files() == []
    assert await suite.rows("documents") == await suite.rows("jobs") == 0


REFUSED_JSON: list[tuple[dict[str, Any], str]] = [
    ({"text": "   "}, "text"),
    ({"text": "x" * 1001}, "text"),
    ({}, "text"),
    ({"text": "a\x00b"}, "text"),
    ({"text": "ok", "document_id": ""}, "document_id"),
    ({"text": "ok", "document_id": "x" * 256}, "document_id"),
    ({"text": "ok", "document_id": "a/../b"}, "document_id"),
    ({"text": "ok", "document_id": "a/chunks"}, "document_id"),
    ({"text": "ok", "metadata": {"year": "2020"}}, "metadata.year"),
    ({"text": "ok", "metadata": {"note": "\x00"}}, "metadata"),
    ({"text": "ok", "metadata": [1]}, "metadata"),
    ({"text": "ok", "metadata": {"long": "x" * 70000}}, "metadata"),
    ({"text": "ok", "titel": "misspelt"}, "titel"),
]


async def test_a_refused_text_names_its_field_and_leaves_nothing(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection(year="integer")
    for body, field in REFUSED_JSON:
        with subtests.test(field):
            answer = await suite.http.post(DOCUMENTS, json=body)
            assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
            assert suite.files() == []
    assert await suite.rows("documents") == 0


async def test_wrong_metadata_behind_a_good_file_leaves_nothing(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection(year="integer")
    for metadata in ("{", "[]", '{"year": "x"}', '{"a": NaN}', "[" * 5000):
        with subtests.test(metadata[:20]):
            answer = await suite.http.post(DOCUMENTS, files={"file": ("a.txt", b"text")}, data={"metadata": metadata})
            assert answer.status_code == 422
            assert suite.files() == []
    assert await suite.rows("documents") == 0


async def test_the_longest_text_and_id_are_taken(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(text="x" * 1000, document_id="y" * 255)
    assert (await suite.http.get(f"{DOCUMENTS}/{'y' * 255}")).status_code == 200


async def test_a_batch_answers_for_each_item_in_order(suite: Suite) -> None:
    await suite.collection()
    documents = [{"text": "one", "document_id": "1"}, {"text": " "}, "no object", {"text": "two", "document_id": "2"}]
    answer = await suite.http.post(f"{DOCUMENTS}:batch", json={"documents": documents})
    assert answer.status_code == 202
    results = answer.json()["results"]
    assert [each.get("document", {}).get("id") for each in results] == ["1", None, None, "2"]
    assert [each.get("error", {}).get("reason") for each in results] == [None, "blank_text", "invalid_field", None]
    assert {row["lane"] for row in await suite.sql("select lane from jobs")} == {"bulk"}


async def test_a_batch_of_files_keeps_the_good_ones(suite: Suite) -> None:
    await suite.collection()
    contents = [b"one", b"", b"MZ\x00\x00" + bytes(99), b"x" * 70000, b"two"]
    files = [("file", (f"{place}.txt", content)) for place, content in enumerate(contents)]
    answer = await suite.http.post(f"{DOCUMENTS}:batch", files=files, data={"metadata": '{"lang": "en"}'})
    reasons = [each.get("error", {}).get("reason") for each in answer.json()["results"]]
    assert reasons == [None, "empty_file", "unsupported_media", "too_large", None]
    assert await suite.rows("documents") == 2
    assert len(suite.files()) == 2


async def test_a_malformed_batch_is_refused_whole(suite: Suite) -> None:
    await suite.collection()
    bodies: list[Any] = [{"documents": []}, {"documents": [{"text": "x"}] * 101}, {"texts": []}, [1], "x"]
    for body in bodies:
        answer = await suite.http.post(f"{DOCUMENTS}:batch", json=body)
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, "documents")
