"""Each method of the client against a service of the contract, through the synchronous face."""

import asyncio
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lorekeep_sdk
from lorekeep_sdk import AsyncLorekeep, Conflict, InvalidInput, Lorekeep, NotFound, Unauthenticated, WaitTimeout
from tests.sdk.contract_server import KEY, TRACE, Service


def test_a_collection_is_made_read_changed_and_deleted(client: Lorekeep) -> None:
    made = client.collections.create("handbook", metadata_schema={"year": "integer"})
    assert client.collections.get(made["id"]) == client.collections.get("handbook") == made
    changed = client.collections.update("handbook", metadata_schema={"lang": "keyword"})
    assert changed["metadata_schema"] == {"year": "integer", "lang": "keyword"}
    client.collections.delete("handbook")
    with pytest.raises(NotFound):
        client.collections.get("handbook")


def test_lists_follow_the_cursor_to_the_end(client: Lorekeep) -> None:
    for number in range(5):
        client.collections.create(f"c{number}")
        client.documents.add_text("c0", f"text {number}", document_id=f"d{number}")
    assert [each["name"] for each in client.collections.list()] == ["c0", "c1", "c2", "c3", "c4"]
    assert [each["id"] for each in client.documents.list("c0")] == ["d0", "d1", "d2", "d3", "d4"]
    assert [each["id"] for each in client.documents.list("c0", page_size=5)] == ["d0", "d1", "d2", "d3", "d4"]


def test_a_list_left_early_asks_for_no_further_page(client: Lorekeep, service: Service) -> None:
    for number in range(5):
        client.collections.create(f"c{number}")
    service.seen.clear()
    assert next(iter(client.collections.list()))["name"] == "c0"
    assert len(service.seen) == 1


@pytest.mark.parametrize("kind", ["path", "bytes", "file", "pipe"])
def test_every_kind_of_source_arrives_whole(client: Lorekeep, tmp_path: Path, kind: str) -> None:
    client.collections.create("c")
    content = os.urandom(300_000)
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    if kind == "pipe":
        read_end, write_end = os.pipe()
        content = content[:50_000]
        os.write(write_end, content)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            answer = client.documents.add("c", pipe, name="a.pdf", document_id="x/y z")
    else:
        with path.open("rb") as file:
            file.read(10)  # an upload begins at the start all the same
            source = {"path": path, "bytes": content, "file": file}[kind]
            answer = client.documents.add("c", source, name="a.pdf", document_id="x/y z", metadata={"year": 2024})
    assert answer["document"]["id"] == "x/y z"
    assert answer["document"]["name"] == "a.pdf"
    assert client.documents.content("c", "x/y z") == content
    assert client.documents.get("c", "x/y z")["version"] == 1


class Tracked(io.FileIO):
    """A file that remembers the largest piece asked of it."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(-1 if size is None else size)
        self.largest = max(self.largest, len(piece))
        return piece


def test_an_upload_is_streamed_and_tells_how_far_it_is(client: Lorekeep, tmp_path: Path) -> None:
    client.collections.create("c")
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(12_000_000)
    sent: list[int] = []
    with Tracked(path) as tracked:
        client.documents.add("c", tracked, document_id="large", on_sent=sent.append)
        assert 0 < tracked.largest <= 1_000_000
    assert sent == sorted(sent)
    assert sent[-1] == 12_000_000


def test_bytes_without_a_name_are_refused_before_anything_is_sent(client: Lorekeep, service: Service) -> None:
    with pytest.raises(ValueError, match="name"):
        client.documents.add("c", b"text")
    assert service.seen == []


def test_a_batch_answers_in_its_order(client: Lorekeep) -> None:
    client.collections.create("c")
    texts = [
        {"document_id": "a", "text": "one"},
        {"document_id": "b", "text": " "},
        {"document_id": "c", "text": "two"},
    ]
    first, second, third = client.documents.add_batch("c", texts)["results"]  # type: ignore[arg-type]
    assert (first["document"]["id"], third["document"]["id"]) == ("a", "c")
    assert second["error"]["reason"] == "empty_text"


def test_a_job_is_waited_for_through_all_its_steps(client: Lorekeep) -> None:
    client.collections.create("c")
    job = client.documents.add_text("c", "one\n\ntwo\n\nthree", document_id="d")["job"]
    assert job is not None
    seen: list[str | None] = []
    done = client.jobs.wait(job["id"], on_change=lambda each: seen.append(each.get("stage")))
    assert done["status"] == "succeeded"
    assert seen == ["parse", "embed", "flip"]
    assert [each["text"] for each in client.documents.chunks("c", "d")] == ["one", "two", "three"]


def test_waiting_ends_with_its_time(client: Lorekeep) -> None:
    client.collections.create("c")
    job = client.documents.add_text("c", "one", document_id="d")["job"]
    assert job is not None
    with pytest.raises(WaitTimeout, match="running"):
        client.jobs.wait(job["id"], timeout_seconds=0)


def test_a_job_is_cancelled(client: Lorekeep) -> None:
    client.collections.create("c")
    job = client.documents.add_text("c", "one", document_id="d")["job"]
    assert job is not None
    assert client.jobs.cancel(job["id"])["status"] == "cancelled"
    assert client.jobs.get(job["id"])["status"] == "cancelled"


def test_search_in_one_collection_and_in_several(client: Lorekeep) -> None:
    for name in ("a", "b"):
        client.collections.create(name)
        client.documents.add_text(name, f"the cow of {name} comes home", document_id="d")
    assert [hit["collection"] for hit in client.search("a", "cow", limit=1)["hits"]] == ["a"]
    found = client.search(["a", "b"], "cow home", filter={"year": 2024}, group_by="document")
    assert {hit["collection"] for hit in found["hits"]} == {"a", "b"}
    assert found["trace_id"] == TRACE


def test_errors_are_typed_and_carry_what_the_service_said(client: Lorekeep, url: str) -> None:
    client.collections.create("c")
    with pytest.raises(Conflict) as taken:
        client.collections.create("c")
    assert (taken.value.status, taken.value.reason, taken.value.trace_id) == (409, "already_exists", TRACE)
    with pytest.raises(InvalidInput, match="blank"):
        client.search("c", " ")
    with Lorekeep(url, "kb_wrong_key") as stranger, pytest.raises(Unauthenticated):
        stranger.collections.get("c")
    assert KEY not in str(taken.value)


def test_health_is_told_also_when_it_is_bad(client: Lorekeep, service: Service) -> None:
    assert client.health()["status"] == "ready"
    service.ready = False
    assert client.health()["components"]["search"]["status"] == "failed"


def test_a_trace_context_is_passed_on(url: str, service: Service) -> None:
    context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with Lorekeep(url, KEY, traceparent=lambda: context) as traced:
        traced.collections.create("c")
    assert service.seen[-1][2]["traceparent"] == context


async def test_the_asynchronous_client_does_the_same(url: str) -> None:
    async with AsyncLorekeep(url, KEY) as client:
        await client.collections.create("c")
        answers = await asyncio.gather(
            *(client.documents.add_text("c", f"text {n}", document_id=f"{n}") for n in range(8))
        )
        assert len({each["document"]["id"] for each in answers}) == 8
        assert len([each async for each in client.documents.list("c")]) == 8


def test_threads_share_a_client(client: Lorekeep) -> None:
    client.collections.create("c")
    with ThreadPoolExecutor(8) as pool:
        ids = [str(number) for number in range(32)]
        added = list(pool.map(lambda each: client.documents.add_text("c", each, document_id=each), ids))
    assert [each["document"]["id"] for each in added] == ids


async def test_the_synchronous_client_works_inside_a_running_loop(url: str) -> None:
    with Lorekeep(url, KEY) as client:
        made = await asyncio.to_thread(client.collections.create, "c")
        assert client.collections.get("c") == made


def test_every_name_that_the_package_offers_is_there() -> None:
    for name in lorekeep_sdk.__all__:
        assert getattr(lorekeep_sdk, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = lorekeep_sdk.nothing_of_the_kind
