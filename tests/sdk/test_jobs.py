"""Jobs through the client: followed by events, by answers held back and by asking; listed, cancelled and retried."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_sdk import AsyncLorekeep, Conflict, Lorekeep, NotFound, WaitTimeout
from lorekeep_sdk.answers import Job
from lorekeep_sdk.job_events import Event, events
from tests.sdk.contract_server import KEY, Service
from tests.sdk.faulty_line import faulty_line


def added(client: Lorekeep, name: str = "a.txt") -> str:
    if "c" not in [each["name"] for each in client.collections.list()]:
        client.collections.create("c")
    job = client.documents.add("c", name.encode(), name=name, document_id=name)["job"]
    assert job is not None
    return job["id"]


def asked(service: Service, part: str) -> list[dict[str, str]]:
    return [headers for method, path, headers in service.seen if method == "GET" and part in path]


def test_events_tell_each_state_once_and_end(client: Lorekeep, service: Service) -> None:
    seen = list(client.jobs.events(added(client)))
    assert [each.get("stage") for each in seen] == ["parse", "embed", "flip"]
    assert seen[-1]["status"] == "succeeded"
    assert len(asked(service, "/jobs/")) == 1


def test_a_stream_that_ends_early_is_taken_up_after_the_last_event(client: Lorekeep, service: Service) -> None:
    service.stream_cuts.extend([1, 1])
    seen = list(client.jobs.events(added(client)))
    assert [each.get("stage") for each in seen] == ["parse", "embed", "flip"]
    assert [each.get("last-event-id") for each in asked(service, "/events")] == [None, "2", "3"]


def test_events_after_one_that_another_saw(client: Lorekeep, service: Service) -> None:
    seen = list(client.jobs.events(added(client), last_event_id="2"))
    assert [each.get("stage") for each in seen] == ["embed", "flip"]
    assert asked(service, "/events")[0]["last-event-id"] == "2"


@pytest.mark.parametrize("holds", [True, False])
def test_without_a_stream_the_job_is_asked_for(client: Lorekeep, service: Service, holds: bool) -> None:
    service.streams, service.holds_answers = "no", holds
    job_id = added(client)
    service.seen.clear()
    assert list(client.jobs.events(job_id))[-1]["status"] == "succeeded"
    paths = [path for _, path, _ in service.seen]
    assert paths[0].endswith("/events")
    assert (len(paths) == 2) is holds


def test_a_proxy_that_keeps_the_stream_back_is_gone_round(client: Lorekeep, service: Service) -> None:
    service.streams = "held"
    assert client.jobs.wait(added(client), timeout_seconds=30)["status"] == "succeeded"


def test_a_broken_line_ends_no_waiting(url: str, service: Service) -> None:
    with Lorekeep(url, KEY) as direct:
        job_id = added(direct)
    service.streams = "no"
    with faulty_line(url, "reset", "reset", "lose") as address, Lorekeep(address, KEY) as client:
        assert client.jobs.wait(job_id)["status"] == "succeeded"


def test_a_job_that_is_not_there_is_not_found(client: Lorekeep) -> None:
    for call in (client.jobs.get, client.jobs.wait, client.jobs.cancel, client.jobs.retry):
        with pytest.raises(NotFound):
            call("job_none")
    with pytest.raises(NotFound):
        list(client.jobs.events("job_none"))


def test_cancelling_what_has_ended_leaves_it_as_it_was(client: Lorekeep) -> None:
    job_id = added(client)
    done = client.jobs.wait(job_id)
    assert client.jobs.cancel(job_id) == client.jobs.get(job_id)
    assert (done["status"], client.jobs.get(job_id)["status"]) == ("succeeded", "succeeded")


async def test_cancelling_what_has_ended_is_no_error_for_the_asynchronous_client(url: str) -> None:
    async with AsyncLorekeep(url, KEY) as client:
        await client.collections.create("c")
        job = (await client.documents.add_text("c", "x", document_id="d"))["job"]
        assert job is not None
        await client.jobs.wait(job["id"])
        assert (await client.jobs.cancel(job["id"]))["status"] == "succeeded"


async def test_waiting_is_cut_by_its_time_in_the_midst_of_a_stream(url: str, service: Service) -> None:
    async with AsyncLorekeep(url, KEY) as client:
        await client.collections.create("c")
        job = (await client.documents.add_text("c", "x", document_id="d"))["job"]
        assert job is not None
        service.streams = "held"
        with pytest.raises(WaitTimeout, match="it goes on"):
            await client.jobs.wait(job["id"], timeout_seconds=0.2)


def test_jobs_are_listed_by_what_is_asked(client: Lorekeep, service: Service) -> None:
    names = ("a.txt", "b-password.pdf", "c.txt")
    ids = [added(client, name) for name in names]
    for each in ids[:2]:
        client.jobs.wait(each)
    assert [each["id"] for each in client.jobs.list(collection="c")] == ids[::-1]
    assert [each["document_id"] for each in client.jobs.list(status="failed", dead=False)] == ["b-password.pdf"]
    assert [each["id"] for each in client.jobs.list(collection="c", document="a.txt", page_size=1)] == ids[:1]
    assert list(client.jobs.list(dead=True)) == []


def test_what_failed_is_retried_one_by_one_and_in_bulk(client: Lorekeep, service: Service) -> None:
    service.failing = {"x": ("unavailable", True)}
    ids = [added(client, f"x{number}") for number in range(3)]
    assert {client.jobs.wait(each)["status"] for each in ids} == {"failed"}
    service.failing = {}
    assert client.jobs.retry(ids[0])["status"] == "queued"
    assert client.jobs.wait(ids[0])["status"] == "succeeded"
    with pytest.raises(Conflict):
        client.jobs.retry(ids[0])
    assert client.jobs.retry_all(reason="other") == {"retried": 0, "left": 0}
    assert client.jobs.retry_all(collection="c", limit=1) == {"retried": 1, "left": 1}
    keys = [headers.get("idempotency-key") for method, path, headers in service.seen if "retry" in path]
    assert len(set(keys)) == len(keys) == 4
    assert None not in keys


def test_queues_and_workers(client: Lorekeep) -> None:
    assert {each["name"]: each["dead"] for each in client.jobs.queues()} == {"document_processing": 2, "reindex": 0}
    assert client.jobs.workers()[0]["name"] == "w1"


def test_one_look_can_wait(client: Lorekeep, service: Service) -> None:
    job: Job = client.jobs.get(added(client), wait_seconds=5)
    assert job["status"] == "succeeded"
    assert [each["outcome"] for each in job["runs"]] == ["succeeded"]


async def _lines(text: str) -> AsyncIterator[str]:
    for line in text.split("\n"):
        yield line


def parsed(text: str) -> list[Event]:
    async def all_of() -> list[Event]:
        return [each async for each in events(_lines(text))]

    return asyncio.run(all_of())


def test_a_stream_is_read_as_the_standard_says() -> None:
    text = ": sign of life\n\nid: 4\nevent: job\ndata: a\ndata:b\n\ndata: c\n\nevent: empty\n\nid: 5\ndata: cut off"
    assert parsed(text) == [Event("4", "job", "a\nb"), Event("4", "message", "c")]


@given(st.lists(st.tuples(st.integers(0, 99), st.text(st.characters(exclude_categories=("Cc", "Zl", "Zp"))))))
def test_events_that_are_written_are_read(told: list[tuple[int, str]]) -> None:
    text = "".join(f"id: {number}\nevent: job\ndata: {data}\n\n" for number, data in told)
    assert parsed(text) == [Event(str(number), "job", data) for number, data in told]
