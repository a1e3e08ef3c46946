"""Sources, versions, uploads in parts, receipts and webhooks through the client."""

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_sdk import Lorekeep, NotFound, SignatureError
from lorekeep_sdk.webhooks import verify
from tests.sdk.contract_server import KEY, Service
from tests.sdk.contract_sources import PART_BYTES
from tests.sdk.faulty_line import RESET, faulty_line


@pytest.fixture
def c(client: Lorekeep) -> Lorekeep:
    client.collections.create("c")
    return client


def test_texts_pairs_and_pages_are_added_listed_changed_and_deleted(c: Lorekeep) -> None:
    text = c.texts.add("c", "House rules", "No shoes.", metadata={"lang": "en"}, document_id="rules")["document"]
    pair = c.qnas.add("c", "Shoes?", "No.", document_id="q/1")["document"]
    page = c.websites.add("c", "https://example.org/", document_id="p")["document"]
    assert [each["kind"] for each in (text, pair, page)] == ["text", "qna", "website"]
    assert c.texts.change("c", "rules", text="No boots.")["document"]["version"] == 2
    assert c.qnas.change("c", "q/1", answer="Never.")["document"]["source"] == {
        "question": "Shoes?",
        "answer": "Never.",
    }
    assert c.websites.change("c", "p", url="https://example.org/2")["document"]["version"] == 2
    assert c.websites.refresh("c", "p")["job"] is not None
    for calls, name in ((c.texts, "rules"), (c.qnas, "q/1"), (c.websites, "p")):
        assert [each["id"] for each in calls.list("c")] == [name]
        assert calls.get("c", name)["id"] == name
        assert calls.delete("c", name)["status"] == "deleted"
        with pytest.raises(NotFound):
            calls.get("c", name)


def test_versions_are_listed_and_restored(c: Lorekeep) -> None:
    for content in (b"one", b"two"):
        c.documents.add("c", content, name="a.txt", document_id="a")
    assert [each["number"] for each in c.documents.versions("c", "a")] == [2, 1]
    assert c.documents.versions("c", "a")[1]["sha256"] == hashlib.sha256(b"one").hexdigest()
    restored = c.documents.restore("c", "a", 1)
    assert restored["document"]["version"] == 3
    assert c.documents.versions("c", "a")[0]["restored_from"] == 1
    with pytest.raises(NotFound):
        c.documents.restore("c", "a", 9)


def test_deletions_give_receipts_also_where_the_answer_was_lost(c: Lorekeep, url: str) -> None:
    for name in ("a", "b"):
        c.documents.add_text("c", name, document_id=name)
    assert c.documents.delete("c", "a")["removed"]["chunks"] == 3
    with faulty_line(url, "lose") as address, Lorekeep(address, KEY) as over:
        assert over.documents.delete("c", "b") == {"id": "b", "status": "deleted", "removed": {}}
    assert c.collections.delete("c")["status"] == "deleting"


def test_the_index_is_built_anew_and_made_whole(c: Lorekeep) -> None:
    c.documents.add_text("c", "one", document_id="a")
    assert c.collections.reindex("c") == 1
    assert c.collections.reconcile("c")["chunks_removed"] == 7


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(1_000_000) * 20)
    return path


def test_a_large_file_goes_in_parts(c: Lorekeep, service: Service, large: Path) -> None:
    sent: list[int] = []
    content = large.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    answer = c.uploads.send("c", large, document_id="l", sha256=sha256, on_sent=sent.append)
    assert answer["document"]["name"] == "large.bin"
    assert service.contents[("c", "l")] == content
    assert sent == [0, PART_BYTES, 2 * PART_BYTES, 20_000_000]


def test_an_upload_goes_on_with_the_parts_that_are_missing(c: Lorekeep, service: Service, large: Path) -> None:
    upload = c.uploads.create("c", name="large.bin", size_bytes=20_000_000, document_id="l")
    with large.open("rb") as file:
        file.seek(PART_BYTES)
        c.uploads.send_part("c", upload["id"], 2, file.read(PART_BYTES))
    service.arrived_bytes = 0
    c.uploads.send("c", large, upload_id=upload["id"])
    assert service.arrived_bytes == 20_000_000 - PART_BYTES
    assert service.contents[("c", "l")] == large.read_bytes()


def test_an_upload_that_is_gone_or_of_another_size_begins_anew(c: Lorekeep, service: Service, large: Path) -> None:
    other = c.uploads.create("c", name="x", size_bytes=5)
    for known in ("upl_none", other["id"]):
        c.uploads.send("c", large, document_id=known, upload_id=known)
        assert service.contents[("c", known)] == large.read_bytes()
    c.uploads.delete("c", other["id"])
    with pytest.raises(NotFound):
        c.uploads.get("c", other["id"])


def test_parts_survive_broken_connections(c: Lorekeep, url: str, service: Service, large: Path) -> None:
    with faulty_line(url, RESET, "lose", RESET, "lose") as address, Lorekeep(address, KEY) as over:
        over.uploads.send("c", large, document_id="l")
    assert service.contents[("c", "l")] == large.read_bytes()
    assert len(service.jobs) == 1


def test_webhooks_are_made_changed_replayed_and_deleted(client: Lorekeep) -> None:
    made = client.webhooks.create("https://example.org/hook", events=["job.failed"])
    assert made["secret"]
    assert "secret" not in client.webhooks.get(made["id"])
    assert client.webhooks.change(made["id"], active=False)["active"] is False
    assert client.webhooks.rotate(made["id"])["secret"] != made["secret"]
    assert [each["id"] for each in client.webhooks.list()] == [made["id"]]
    [delivery] = client.webhooks.deliveries(made["id"])
    assert client.webhooks.replay(made["id"], delivery["id"])["status"] == "waiting"
    client.webhooks.delete(made["id"])
    assert list(client.webhooks.list()) == []


NOW = 1_800_000_000
BODY = b'{"event": "job.succeeded", "job": {"id": "job_1"}}'


def signed(secret: str, body: bytes, at: int = NOW) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Lorekeep-Signature": f"t={at},v1={digest}"}


@given(st.text(min_size=1), st.dictionaries(st.text(), st.integers()), st.integers(-300, 300))
def test_a_message_of_the_service_is_believed(secret: str, said: dict[str, Any], age: int) -> None:
    body = json.dumps(said).encode()
    secret = secret.encode("utf-8", "replace").decode()
    assert verify(secret, signed(secret, body), body, now=NOW + age) == said


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_message_with_any_byte_changed_is_not(place: int, by: int) -> None:
    changed = bytearray(BODY)
    changed[place] = (changed[place] + by) % 256
    with pytest.raises(SignatureError, match="does not fit"):
        verify("s", signed("s", BODY), bytes(changed), now=NOW)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "no X-Lorekeep-Signature"),
        ({"x-lorekeep-signature": "nonsense"}, "not of the form"),
        ({"x-lorekeep-signature": "t=1e3,v1=00"}, "not of the form"),
        ({"x-lorekeep-signature": f"t={NOW}"}, "not of the form"),
        ({"x-lorekeep-signature": f"t={NOW},v1=é"}, "does not fit"),
        (signed("other", BODY), "does not fit"),
        (signed("s", BODY, NOW - 301), "too long ago"),
        (signed("s", BODY, NOW + 301), "too long ago"),
    ],
)
def test_what_else_is_not_believed(headers: dict[str, str], said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        verify("s", headers, BODY, now=NOW)


def test_while_a_secret_is_replaced_either_signature_counts() -> None:
    both = f"{signed('old', BODY)['X-Lorekeep-Signature']},v1={'0' * 64}"
    assert verify("old", {"x-lorekeep-signature": both}, BODY, now=NOW)["event"] == "job.succeeded"
    with pytest.raises(SignatureError, match="no JSON object"):
        verify("s", signed("s", b"[1]"), b"[1]", now=NOW)
