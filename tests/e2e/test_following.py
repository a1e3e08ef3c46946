"""A long job followed by its events, cut off, cancelled and retried; webhooks beside one that hangs."""

import json
import random
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from lorekeep_sdk import Lorekeep, webhooks
from tests.chaos import passages
from tests.e2e.stores import Stores
from tests.e2e.suite import Suite, eventually, running

pytestmark = pytest.mark.e2e
COLLECTION = "following"
ENCRYPTED = "pypdf__libreoffice-writer-password.pdf"
PAGES = 80


class Hooked:
    """A receiver of webhooks: `/kept` keeps what comes, `/hangs` answers nothing until the end."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.hung = 0
        self.over = Event()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if handler.path == "/hangs":
            self.hung += 1
            self.over.wait()
        else:
            self.came.append((dict(handler.headers), body))


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    home = tmp_path_factory.mktemp("following") / "home"
    with running(home, LOREKEEP_OUTBOUND_ALLOWED="127.0.0.1", LOREKEEP_JANITOR_SECONDS="1") as it:
        yield it


@pytest.fixture(scope="module")
def client(suite: Suite) -> Iterator[Lorekeep]:
    with Lorekeep(url=suite.url, key=suite.key) as it:
        it.collections.create(COLLECTION)
        yield it


@pytest.fixture
def hooked() -> Iterator[tuple[Hooked, str]]:
    kept = Hooked()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    yield kept, f"http://127.0.0.1:{server.server_port}"
    kept.over.set()
    server.shutdown()
    server.server_close()


def _events(suite: Suite, job_id: str, seen: int | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and contents of the events of one stream; closing it cuts the stream."""
    headers = {} if seen is None else {"Last-Event-ID": str(seen)}
    with suite.client() as http, http.stream("GET", f"/api/v1/jobs/{job_id}/events", headers=headers) as answer:
        name = ""
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            name = value if field == "event" else name
            if field == "data":
                yield name, json.loads(value)


def _checked(seen: list[dict[str, Any]]) -> None:
    """What a stream told never goes back and never beyond the whole."""
    for before, now in pairwise(seen):
        assert now["revision"] > before["revision"]
        for name in ("pages_done", "chunks_done", "chunks_indexed"):
            assert now["progress"][name] >= before["progress"][name], (before, now)
    for each in seen:
        progress = each["progress"]
        assert each["status"] != "running" or not each["estimate"] or progress["chunks_indexed"]
        assert progress["chunks_indexed"] <= progress["chunks_done"]
        assert not progress["pages_total"] or progress["pages_done"] <= progress["pages_total"]


def test_a_long_job_is_followed_cut_off_cancelled_and_retried(suite: Suite, client: Lorekeep) -> None:
    stores, lines = Stores(suite), passages.sentences("quoaix", "main", 1, 12 * PAGES, random.Random(1))
    accepted = client.documents.add(COLLECTION, passages.pdf(lines), name="book.pdf", document_id="book")
    job_id, seen = accepted["job"]["id"], list[dict[str, Any]]()
    stream = _events(suite, job_id)
    for _, job in stream:
        seen.append(job)
        if job["progress"]["chunks_indexed"]:
            break
    stream.close()  # type: ignore[attr-defined]
    collection_id = seen[-1]["collection_id"]
    assert stores.points(collection_id)
    assert client.documents.get(COLLECTION, "book")["status"] == "processing"
    client.jobs.cancel(job_id)
    further = list(_events(suite, job_id, seen[-1]["revision"]))
    assert further[-1] == ("end", {"reason": "ended"})
    seen += [job for name, job in further if name == "job"]
    _checked(seen)
    assert (seen[-1]["status"], seen[-1]["cancel_requested"]) == ("cancelled", True)
    document = client.documents.get(COLLECTION, "book")
    assert (document["status"], document["error"]["reason"]) == ("failed", "cancelled")
    eventually(lambda: not stores.points(collection_id))
    assert client.search(COLLECTION, "quoaix", mode="lexical")["hits"] == []
    _retried(client, stores, job_id, collection_id)


def _retried(client: Lorekeep, stores: Stores, job_id: str, collection_id: str) -> None:
    assert client.jobs.retry(job_id)["status"] == "queued"
    seen: list[Any] = []
    job = client.jobs.wait(job_id, on_change=seen.append)
    assert job["status"] == "succeeded", job
    _checked(seen)
    assert job["progress"]["pages_done"] == job["progress"]["pages_total"] == PAGES
    assert [run["outcome"] for run in client.jobs.get(job_id)["runs"]] == ["cancelled", "succeeded"]
    assert client.documents.get(COLLECTION, "book")["status"] == "ready"
    texts = [each["text"] for each in client.documents.chunks(COLLECTION, "book")]
    assert len(passages.marks(texts)) == 12 * PAGES
    assert stores.points(collection_id) == len(texts) == job["progress"]["chunks_total"]


def test_a_hanging_webhook_delays_no_other(
    client: Lorekeep, hooked: tuple[Hooked, str], documents: Path
) -> None:  # fmt: skip
    kept, url = hooked
    hanging, heard = client.webhooks.create(f"{url}/hangs"), client.webhooks.create(f"{url}/kept")
    jobs = {}
    for number in range(6):
        jobs[client.documents.add_text(COLLECTION, f"Said {number}.", title="note")["job"]["id"]] = "job.succeeded"
    jobs[client.documents.add(COLLECTION, documents / ENCRYPTED, document_id="locked")["job"]["id"]] = "job.failed"
    eventually(lambda: len(kept.came) == len(jobs))
    payloads = [webhooks.verify(heard["secret"] or "", headers, body) for headers, body in kept.came]
    assert {each["data"]["job_id"]: each["event"] for each in payloads} == jobs
    failed = next(each["data"] for each in payloads if each["event"] == "job.failed")
    assert (failed["document_id"], failed["error"]["reason"]) == ("locked", "encrypted")
    assert kept.hung
    assert not kept.over.is_set()
    eventually(lambda: {each["status"] for each in client.webhooks.deliveries(heard["id"])} == {"delivered"})
    assert "delivered" not in {each["status"] for each in client.webhooks.deliveries(hanging["id"])}
