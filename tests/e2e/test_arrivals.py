"""Clients that are killed in the middle and come again; texts, pairs and web pages beside files."""

import hashlib
import multiprocessing
import random
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lorekeep_sdk import Lorekeep
from tests.chaos import passages
from tests.e2e.stores import Stores
from tests.e2e.suite import Suite, eventually, running

pytestmark = pytest.mark.e2e
COLLECTION, SOURCES = "arrivals", "sources"
LARGE_BYTES = 40 * 1024 * 1024
_DOUBLES = """
select (select count(*) from documents where collection_id = $1) as documents,
       (select count(*) from versions v join documents d on d.id = v.document_id where collection_id = $1) as versions,
       (select count(*) from jobs where collection_id = $1) as jobs,
       (select count(*) from jobs where collection_id = $1 and status = 'succeeded') as succeeded
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    folder = tmp_path_factory.mktemp("arrivals")
    with running(folder / "home", LOREKEEP_OUTBOUND_ALLOWED="127.0.0.1", XDG_STATE_HOME=str(folder)) as it:
        yield it


@pytest.fixture(scope="module")
def client(suite: Suite) -> Iterator[Lorekeep]:
    with Lorekeep(url=suite.url, key=suite.key) as it:
        it.collections.create(COLLECTION)
        it.collections.create(SOURCES)
        yield it


@pytest.fixture
def page() -> Iterator[tuple[dict[str, str], str]]:
    """A web page whose `html` a test may change."""
    shown = {"html": "<html><head><title>Tides</title></head><body><p>High water at noon.</p></body></html>"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shown["html"].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield shown, f"http://127.0.0.1:{server.server_port}/tides"
    server.shutdown()
    server.server_close()


def _large(path: Path) -> Path:
    lines = passages.sentences("quobaix", "main", 1, 24, random.Random(2))
    path.write_bytes(passages.padded(passages.pdf(lines), LARGE_BYTES, random.Random(3).randbytes(1024)))
    return path


def _send(url: str, key: str, path: Path, told: Connection) -> None:
    """What the client does that is killed: tells the id of its upload, then how far it is."""
    with Lorekeep(url=url, key=key) as client:
        client.uploads.send(
            COLLECTION, path, document_id="large", on_begun=lambda each: told.send(each["id"]), on_sent=told.send
        )


def test_an_upload_goes_on_where_a_killed_client_left_it(suite: Suite, client: Lorekeep, tmp_path: Path) -> None:
    path, sent = _large(tmp_path / "large.pdf"), list[int]()
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(suite.url, suite.key, path, theirs))
    process.start()
    upload_id = mine.recv()
    while mine.recv() < LARGE_BYTES // 4:
        pass
    process.kill()
    process.join()
    received = client.uploads.get(COLLECTION, upload_id)["parts_received"]
    assert 1 <= len(received) < 6
    accepted = client.uploads.send(COLLECTION, path, document_id="large", upload_id=upload_id, on_sent=sent.append)
    assert sent[0] >= LARGE_BYTES // 4
    assert _succeeded(client, accepted)["document_id"] == "large"
    assert hashlib.sha256(client.documents.content(COLLECTION, "large")).digest() == hashlib.sha256(
        path.read_bytes()
    ).digest()  # fmt: skip
    assert [each["number"] for each in client.documents.versions(COLLECTION, "large")] == [1]


def test_a_folder_ingested_again_after_a_kill_doubles_nothing(suite: Suite, client: Lorekeep, tmp_path: Path) -> None:
    _large(tmp_path / "00-large.pdf")
    for number in range(60):
        (tmp_path / f"{number:02}.md").write_text(f"# Buoy {number}\n\nBuoy {number} was painted in {1800 + number}.\n")
    collection_id, stores = client.collections.create("folder")["id"], Stores(suite)
    command = ["ingest", str(tmp_path), "--collection", "folder", "--json"]
    for least in (3, 30):
        process = suite.lorekeep_begun(*command)
        eventually(lambda least=least: stores.rows(_DOUBLES, collection_id)[0]["documents"] >= least)
        process.kill()
        process.wait()
    assert stores.rows(_DOUBLES, collection_id)[0]["documents"] < 61
    ended = suite.lorekeep(*command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert stores.rows(_DOUBLES, collection_id) == [dict.fromkeys(("documents", "versions", "jobs", "succeeded"), 61)]
    assert suite.lorekeep(*command).returncode == 0
    assert stores.rows(_DOUBLES, collection_id) == [dict.fromkeys(("documents", "versions", "jobs", "succeeded"), 61)]


def test_texts_and_pairs_are_found_changed_and_left_unchanged(client: Lorekeep) -> None:
    text = client.texts.add(SOURCES, "Fog", "The foghorn sounds twice.", document_id="fog")
    pair = client.qnas.add(SOURCES, "Who keeps the lamp?", "Ida does, with her sister.", document_id="lamp")
    for each in (text, pair):
        _succeeded(client, each)
    assert _found(client, "foghorn") == ["fog"]
    assert _found(client, "keeps lamp") == _found(client, "sister") == ["lamp"]
    again = client.texts.add(SOURCES, "Fog", "The foghorn sounds twice.", document_id="fog")
    assert (again["unchanged"], again["job"]["id"]) == (True, text["job"]["id"])
    changed = client.texts.change(SOURCES, "fog", text="The foghorn is broken.")
    _succeeded(client, changed)
    assert [each["text"] for each in client.documents.chunks(SOURCES, "fog")] == ["The foghorn is broken."]
    kinds = [(each["id"], each["kind"]) for each in (*client.texts.list(SOURCES), *client.qnas.list(SOURCES))]
    assert kinds == [("fog", "text"), ("lamp", "qna")]


def test_a_web_page_is_fetched_and_looked_at_again(client: Lorekeep, page: tuple[dict[str, str], str]) -> None:
    shown, url = page
    _succeeded(client, client.websites.add(SOURCES, url, document_id="tides"))
    assert _found(client, "noon") == ["tides"]
    assert client.websites.refresh(SOURCES, "tides")["unchanged"]
    shown["html"] = shown["html"].replace("noon", "midnight")
    changed = client.websites.refresh(SOURCES, "tides")
    assert not changed.get("unchanged")
    _succeeded(client, changed)
    assert (_found(client, "noon"), _found(client, "midnight")) == ([], ["tides"])
    assert client.websites.get(SOURCES, "tides")["source"]["url"] == url


def _succeeded(client: Lorekeep, accepted: Any) -> Any:
    job = client.jobs.wait(accepted["job"]["id"], timeout_seconds=60)
    assert job["status"] == "succeeded", job
    return job


def _found(client: Lorekeep, query: str) -> list[str]:
    return [each["document_id"] for each in client.search(SOURCES, query, mode="lexical")["hits"]]
