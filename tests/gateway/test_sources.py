"""Texts, questions with answers, and files: made, listed, changed, deleted; each kind among its own."""

import asyncio
from typing import Any

import pytest
from tests.gateway.suite import Suite

from lorekeep_gateway.blobs import Blobs

COLLECTION = "/api/v1/collections/demo"


async def _content(suite: Suite, public_id: str) -> str:
    """The bytes of a document's newest version, as text."""
    (row,) = await suite.sql(
        "select v.organisation_id, v.blob_sha256 from versions v join documents d on d.id = v.document_id "
        "where d.public_id = $1 order by v.number desc limit 1",
        public_id,
    )
    pieces = Blobs(suite.settings.blobs_url).read(row["organisation_id"], row["blob_sha256"])
    return b"".join([each async for each in pieces]).decode()


async def _made(suite: Suite, kind: str, **body: Any) -> dict[str, Any]:
    answer = await suite.http.post(f"{COLLECTION}/{kind}", json=body)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_text_is_shown_with_what_it_says(suite: Suite) -> None:
    await suite.collection()
    made = await _made(suite, "texts", title="Refunds", text="Five dáys.", document_id="a/b", metadata={"x": 1})
    assert made["document"]["kind"] == "text"
    shown = (await suite.http.get(f"{COLLECTION}/texts/a/b")).json()
    assert (shown["title"], shown["text"], shown["metadata"]) == ("Refunds", "Five dáys.", {"x": 1})
    (listed,) = (await suite.http.get(f"{COLLECTION}/texts")).json()["texts"]
    assert (listed["title"], "text" in listed) == ("Refunds", False)


async def test_a_question_with_its_answer_is_one_text(suite: Suite) -> None:
    await suite.collection()
    made = await _made(suite, "qnas", question="How long\n do refunds <b>take?", answer="Five days.\n", document_id="q")
    assert (made["document"]["kind"], made["document"]["name"]) == ("qna", "How long do refunds <b>take?")
    shown = (await suite.http.get(f"{COLLECTION}/qnas/q")).json()
    assert (shown["question"], shown["answer"]) == ("How long do refunds <b>take?", "Five days.")
    assert shown["media_type"] == "text/plain"
    assert await _content(suite, "q") == "Question: How long do refunds <b>take?\nAnswer: Five days."
    (listed,) = (await suite.http.get(f"{COLLECTION}/qnas")).json()["qnas"]
    assert listed["answer"] == "Five days."


async def test_a_change_merges_and_makes_a_version(suite: Suite) -> None:
    await suite.collection(year="integer")
    await _made(suite, "qnas", question="Q?", answer="one", document_id="q", metadata={"year": 1, "old": True})
    change = {"answer": "two", "metadata": {"old": None, "new": 1}}
    changed = (await suite.http.patch(f"{COLLECTION}/qnas/q", json=change)).json()
    assert changed["document"]["version"] == 2
    assert changed["document"]["source"] == {"question": "Q?", "answer": "two"}
    (row,) = await suite.sql("select metadata from versions where number = 2")
    assert row["metadata"] == '{"new": 1, "year": 1}'
    again = (await suite.http.patch(f"{COLLECTION}/qnas/q", json=change)).json()
    assert (again["document"]["version"], again["unchanged"]) == (2, True)
    assert (await suite.http.patch(f"{COLLECTION}/qnas/q", json={})).json()["unchanged"]


async def test_a_change_of_the_description_keeps_the_bytes(suite: Suite) -> None:
    await suite.collection()
    await _made(suite, "texts", text="one", title="A", document_id="t")
    changed = (await suite.http.patch(f"{COLLECTION}/texts/t", json={"title": "B"})).json()
    assert (changed["document"]["version"], changed["document"]["name"]) == (2, "B")
    assert len(suite.files()) == 1
    both = (await suite.http.patch(f"{COLLECTION}/texts/t", json={"text": "two"})).json()
    assert (both["document"]["version"], both["document"]["name"], await _content(suite, "t")) == (3, "B", "two")
    files = {"file": ("old.md", b"# Bytes")}
    await suite.http.post(f"{COLLECTION}/files", files=files, data={"document_id": "f"})
    renamed = (await suite.http.patch(f"{COLLECTION}/files/f", json={"name": "new.md", "metadata": {"a": 1}})).json()
    assert (renamed["document"]["version"], renamed["document"]["name"]) == (2, "new.md")
    assert await _content(suite, "f") == "# Bytes"


async def test_what_is_visible_keeps_its_source_until_the_next_is_ready(suite: Suite) -> None:
    collection = await suite.collection()
    await _made(suite, "qnas", question="Q?", answer="one", document_id="q")
    await suite.index(collection["id"], "q", "one")
    await suite.http.patch(f"{COLLECTION}/qnas/q", json={"answer": "two"})
    assert (await suite.http.get(f"{COLLECTION}/qnas/q")).json()["answer"] == "one"
    await suite.index(collection["id"], "q", "two")
    assert (await suite.http.get(f"{COLLECTION}/qnas/q")).json()["answer"] == "two"


async def test_each_kind_is_found_among_its_own(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection()
    await _made(suite, "texts", text="one", document_id="text")
    await _made(suite, "documents", text="two", document_id="text2")
    await _made(suite, "qnas", question="Q?", answer="A", document_id="qna")
    await suite.http.post(f"{COLLECTION}/files", files={"file": ("a.txt", b"a")}, data={"document_id": "file"})
    kinds = {"texts": ["text2", "text"], "qnas": ["qna"], "files": ["file"], "websites": []}
    for kind, ids in kinds.items():
        with subtests.test(kind):
            answer = (await suite.http.get(f"{COLLECTION}/{kind}")).json()
            assert [each["id"] for each in answer[kind]] == ids
            other = "file" if kind != "files" else "text"
            for method in ("GET", "PATCH", "DELETE"):
                body = None if method != "PATCH" else {"metadata": {}}
                missed = await suite.http.request(method, f"{COLLECTION}/{kind}/{other}", json=body)
                assert missed.status_code == 404, (method, missed.text)
    assert len((await suite.http.get(f"{COLLECTION}/documents")).json()["documents"]) == 4
    assert len((await suite.http.get(f"{COLLECTION}/documents?kind=text")).json()["documents"]) == 2
    page = (await suite.http.get(f"{COLLECTION}/texts?limit=1")).json()
    rest = (await suite.http.get(f"{COLLECTION}/texts?limit=1&cursor={page['next_cursor']}")).json()
    assert [each["id"] for each in page["texts"] + rest["texts"]] == ["text2", "text"]


async def test_a_source_is_deleted_with_its_bytes(suite: Suite) -> None:
    await suite.collection()
    for kind, body in (("texts", {"text": "one"}), ("qnas", {"question": "Q?", "answer": "A"})):
        await _made(suite, kind, **body, document_id=kind)
        answer = await suite.http.delete(f"{COLLECTION}/{kind}/{kind}")
        assert (answer.status_code, answer.json()["status"]) == (200, "deleted")
        assert (await suite.http.get(f"{COLLECTION}/{kind}/{kind}")).status_code == 404
    assert suite.files() == []


REFUSED: list[tuple[str, Any, int, str]] = [
    ("texts", {"text": " "}, 422, "text"),
    ("texts", {"text": "x" * 1001}, 422, "text"),
    ("texts", {"text": "a", "title": ""}, 422, "title"),
    ("texts", {"text": "a", "titel": "b"}, 422, "titel"),
    ("texts", {}, 422, "text"),
    ("texts", [], 422, "body"),
    ("texts", {"text": "a", "metadata": {"year": "x"}}, 422, "metadata.year"),
    ("texts", {"text": "a", "document_id": "a/refresh"}, 422, "document_id"),
    ("qnas", {"question": " ", "answer": "a"}, 422, "question"),
    ("qnas", {"question": "q", "answer": " "}, 422, "answer"),
    ("qnas", {"question": "q\x00", "answer": "a"}, 422, "question"),
    ("qnas", {"question": "q" * 1001, "answer": "a"}, 422, "question"),
    ("qnas", {"question": "q", "answer": "a" * 20_001}, 422, "answer"),
    ("files", {"text": "no form"}, 415, ""),
]


async def test_a_refusal_names_the_field_and_leaves_nothing(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection(year="integer")
    for kind, body, status, field in REFUSED:
        with subtests.test(f"{kind} {field}"):
            answer = await suite.http.post(f"{COLLECTION}/{kind}", json=body)
            assert (answer.status_code, answer.json()["error"].get("field", "")) == (status, field), answer.text
            assert suite.files() == []
    assert await suite.rows("documents") == 0


async def test_a_change_behind_another_is_refused(suite: Suite) -> None:
    """Both read the same version before either wrote: the second would undo what the first changed."""
    collection = await suite.collection()
    await _made(suite, "texts", text="one", title="A", document_id="t")
    async with suite.database.transaction() as session:
        await session("upload_hold", collection_id=collection["id"], public_id="t")
        changes = [{"title": "B"}, {"metadata": {"a": 1}}]
        sent = [asyncio.create_task(suite.http.patch(f"{COLLECTION}/texts/t", json=each)) for each in changes]
        async with asyncio.timeout(20):
            while len(await suite.sql("select from pg_locks where locktype = 'advisory' and not granted")) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    answers = await asyncio.gather(*sent)
    assert sorted(each.status_code for each in answers) == [202, 409]
    (refused,) = [each.json()["error"]["reason"] for each in answers if each.status_code == 409]
    assert refused == "document_changed"
    assert await suite.rows("versions") == 2
