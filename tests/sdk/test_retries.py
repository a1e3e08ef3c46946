"""What the client does when connections break, the service is busy, or an answer is lost."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_sdk import AsyncLorekeep, Conflict, LimitExceeded, Lorekeep, NoAnswer, NotFound, Unavailable
from lorekeep_sdk.errors import of_answer, retry_after_seconds
from lorekeep_sdk.transport import pause_seconds
from tests.sdk.contract_server import KEY, Service
from tests.sdk.faulty_line import LOSE, RESET, faulty_line


@contextmanager
def over(url: str, *plan: str) -> Iterator[Lorekeep]:
    with faulty_line(url, *plan) as address, Lorekeep(address, KEY, deadline_seconds=10) as client:
        yield client


def requests(service: Service, method: str) -> list[dict[str, str]]:
    return [headers for seen, _, headers in service.seen if seen == method]


def test_a_reset_connection_is_tried_again(url: str, service: Service) -> None:
    with over(url, RESET, RESET) as client:
        client.collections.create("c")
    assert len(requests(service, "POST")) == 1


def test_an_upload_whose_answer_was_lost_adds_one_document(url: str, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("the whole text")
    with Lorekeep(url, KEY) as direct:
        direct.collections.create("c")
    service.seen.clear()
    with over(url, LOSE, RESET) as client:
        answer = client.documents.add("c", path)
    keys = {headers["idempotency-key"] for headers in requests(service, "POST")}
    assert len(requests(service, "POST")) == 2
    assert len(keys) == 1
    assert len(service.jobs) == 1
    assert service.contents[("c", answer["document"]["id"])] == b"the whole text"


def test_two_calls_have_two_idempotency_keys(client: Lorekeep, service: Service) -> None:
    client.collections.create("c")
    for _ in range(2):
        client.documents.add_text("c", "same text")
    client.documents.add_batch("c", [{"document_id": "b", "text": "t"}])
    keys = [headers.get("idempotency-key") for headers in requests(service, "POST")][1:]
    assert None not in keys
    assert len(set(keys)) == 3


def test_a_collection_whose_answer_was_lost_is_given(url: str) -> None:
    with over(url, LOSE) as client:
        assert client.collections.create("c", metadata_schema={"year": "integer"})["name"] == "c"


def test_a_collection_that_another_made_meanwhile_is_a_conflict(url: str, service: Service) -> None:
    with Lorekeep(url, KEY) as other:
        other.collections.create("c", metadata_schema={"lang": "keyword"})
    with over(url, LOSE) as client, pytest.raises(Conflict):
        client.collections.create("c", metadata_schema={"year": "integer"})


def test_a_deletion_whose_answer_was_lost_is_done(url: str, service: Service) -> None:
    with Lorekeep(url, KEY) as direct:
        direct.collections.create("c")
    with over(url, LOSE) as client:
        client.collections.delete("c")
    assert service.collections == {}


def test_a_deletion_of_nothing_is_not_found_though_the_first_attempt_was_never_sent(client: Lorekeep) -> None:
    with pytest.raises(NotFound):
        client.collections.delete("nothing")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again(client: Lorekeep, service: Service, status: int) -> None:
    service.planned.extend([(status, {}), (status, {"retry-after": "0.01"})])
    assert client.collections.create("c")["name"] == "c"
    assert len(requests(service, "POST")) == 3


def test_a_conflict_is_asked_again_only_with_a_time_to_come_back(client: Lorekeep, service: Service) -> None:
    service.planned.append((409, {"retry-after": "0.01"}))
    assert client.collections.create("c")["name"] == "c"
    service.planned.append((409, {}))
    with pytest.raises(Conflict):
        client.documents.add_text("c", "text")


def test_an_answer_turned_into_a_bad_gateway_counts_as_lost(client: Lorekeep, service: Service) -> None:
    service.planned.append((0, {}))
    assert client.collections.create("c")["name"] == "c"


@pytest.mark.parametrize(("status", "kind"), [(429, LimitExceeded), (503, Unavailable)])
def test_a_hint_beyond_the_deadline_is_told_at_once(
    client: Lorekeep, service: Service, status: int, kind: type[Exception]
) -> None:
    service.planned.append((status, {"retry-after": "3600"}))
    with pytest.raises(kind) as refused:
        client.collections.get("c")
    assert getattr(refused.value, "retry_after", None) == 3600
    assert len(service.seen) == 1


def test_what_is_wrong_is_not_asked_again(client: Lorekeep, service: Service) -> None:
    service.planned.append((500, {}))
    with pytest.raises(Exception, match="Planned"):
        client.collections.get("c")
    assert len(service.seen) == 1


def test_nothing_there_is_told_after_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Lorekeep(f"http://127.0.0.1:{port}", KEY, deadline_seconds=3) as client,
        pytest.raises(NoAnswer, match="refused"),
    ):
        client.collections.get("c")


def test_a_service_that_accepts_and_never_answers_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Lorekeep(url, KEY, deadline_seconds=0.5) as client, pytest.raises(NoAnswer, match="time ran out"):
            client.collections.get("c")


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_stay_bounded(number: int, chance: float) -> None:
    assert 0 <= pause_seconds(number, None, lambda: chance) <= 3.0
    assert 7 <= pause_seconds(number, 7.0, lambda: chance) <= 7.1


def test_retry_after_is_read_in_both_forms() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert retry_after_seconds("2") == 2.0
    assert retry_after_seconds(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90.0
    assert retry_after_seconds(format_datetime(now - timedelta(seconds=90), usegmt=True), now) == 0.0


@given(st.text())
def test_any_retry_after_header_is_read_or_ignored(value: str) -> None:
    seconds = retry_after_seconds(value)
    assert seconds is None or seconds >= 0


@given(st.integers(400, 599), st.binary(max_size=60))
def test_any_error_page_becomes_a_typed_error(status: int, body: bytes) -> None:
    error = of_answer(status, {}, body)
    assert error.status == status
    assert error.reason
    assert error.message


@contextmanager
def replicas(count: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Processes of the service that share a listening socket, as gateways do."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        number = listener.fileno()
        command = [sys.executable, "-m", "tests.sdk.contract_server", str(number)]
        pipe, root = subprocess.PIPE, Path(__file__).parents[2]
        running = [subprocess.Popen(command, cwd=root, pass_fds=[number], stderr=pipe) for _ in range(count)]
        try:
            for each in running:
                assert each.stderr is not None
                assert any(b"running" in line for line in each.stderr)  # blocks until it serves
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", running
        finally:
            for each in running:
                each.kill()
                each.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_search_fails_when_one_of_two_services_ends(number: signal.Signals) -> None:
    with replicas(2) as (url, running):
        async with AsyncLorekeep(url, KEY) as client:
            left = iter(range(500))
            answered = 0

            async def searcher() -> None:
                nonlocal answered
                for each in left:
                    if each == 150:
                        running[0].send_signal(number)
                    hits = (await client.search("demo", "passage"))["hits"]
                    answered += len(hits)

            await client.search("demo", "passage")
            async with asyncio.TaskGroup() as group:
                for _ in range(50):
                    group.create_task(searcher())
        assert answered == 500
        assert running[0].wait(timeout=20) is not None
        assert running[1].poll() is None
