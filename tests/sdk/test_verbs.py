"""The verbs about jobs, versions, the index, sources and webhooks, through typer's runner."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lorekeep_sdk import Lorekeep
from lorekeep_sdk.command import app
from tests.sdk.contract_server import KEY, Service


@pytest.fixture
def filled(client: Lorekeep) -> Lorekeep:
    client.collections.create("demo")
    for name in ("farm.txt", "my-password.pdf"):
        job = client.documents.add("demo", name.encode(), name=name, document_id=name)["job"]
        assert job is not None
        client.jobs.wait(job["id"])
    return client


def lorekeep(url: str, *arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(app, arguments, env={"LOREKEEP_URL": url, "LOREKEEP_API_KEY": KEY}, input=said)


def answer(url: str, *arguments: str, code: int = 0) -> Any:
    result = lorekeep(url, *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_jobs_are_listed(url: str, filled: Lorekeep) -> None:
    assert [each["id"] for each in answer(url, "jobs", "list")["jobs"]] == ["job_2", "job_1"]
    assert [each["id"] for each in answer(url, "jobs", "list", "--status", "failed", "-n", "1")["jobs"]] == ["job_2"]
    shown = lorekeep(url, "jobs", "list", "--collection", "demo").stdout
    assert "my-password.pdf" in shown
    assert "encrypted" in shown
    assert lorekeep(url, "jobs", "list", "--dead").stdout == "No such jobs.\n"


def test_a_job_is_watched_to_its_end(url: str, filled: Lorekeep, service: Service) -> None:
    job = filled.documents.add_text("demo", "new", document_id="new")["job"]
    assert job is not None
    assert "succeeded" in lorekeep(url, "jobs", "watch", job["id"]).stdout
    assert answer(url, "jobs", "watch", "job_2", code=1)["error"]["reason"] == "encrypted"
    service.streams = "held"
    late = filled.documents.add_text("demo", "late", document_id="late")["job"]
    assert late is not None
    timed = lorekeep(url, "jobs", "watch", late["id"], "--timeout", "0.2")
    assert timed.exit_code == 1
    assert "it goes on" in timed.stderr


def test_what_is_dead_is_retried(url: str, filled: Lorekeep, service: Service) -> None:
    service.failing = {"x": ("unavailable", True)}
    for name in ("x1", "x2"):
        job = filled.documents.add("demo", name.encode(), name=name, document_id=name)["job"]
        assert job is not None
        filled.jobs.wait(job["id"])
    assert lorekeep(url, "jobs", "retry", "job_2").exit_code == 0
    assert "1 more are left" in lorekeep(url, "jobs", "retry-dead", "-n", "1").stdout
    assert answer(url, "jobs", "retry-dead", "--reason", "unavailable") == {"retried": 1, "left": 0}
    assert lorekeep(url, "jobs", "retry", "job_1").exit_code == 1


def test_queues_and_workers_are_shown(url: str, client: Lorekeep) -> None:
    assert ["document_processing", "3", "1", "2", "90", "s"] in [
        line.split() for line in lorekeep(url, "queues").stdout.splitlines()
    ]
    assert answer(url, "queues")["queues"][1]["oldest_seconds"] == 0
    assert "w1" in lorekeep(url, "workers").stdout
    assert answer(url, "workers")["workers"][0]["running"] == 2


def test_versions_are_shown_and_restored(url: str, filled: Lorekeep) -> None:
    filled.documents.add("demo", b"second", name="farm.txt", document_id="farm.txt")
    assert [each["number"] for each in answer(url, "documents", "versions", "demo", "farm.txt")["versions"]] == [2, 1]
    assert answer(url, "documents", "restore", "demo", "farm.txt", "1")["job"]["status"] == "succeeded"
    assert "3 (from 1)" in lorekeep(url, "documents", "versions", "demo", "farm.txt").stdout
    assert "queued" in lorekeep(url, "documents", "restore", "demo", "farm.txt", "2", "--no-wait").stdout
    assert lorekeep(url, "documents", "restore", "demo", "farm.txt", "9").exit_code == 1


def test_the_index_is_built_anew_and_made_whole(url: str, filled: Lorekeep) -> None:
    assert lorekeep(url, "reindex", "demo").stdout.startswith("Queued 2 jobs.")
    assert answer(url, "reembed", "demo", "--missing")["chunks_removed"] == 7
    assert "versions missing chunks" in lorekeep(url, "reembed", "demo", "--missing").stdout
    assert lorekeep(url, "reembed", "demo").exit_code == 2
    assert lorekeep(url, "reindex", "nowhere").exit_code == 1


def test_waiting_for_the_index_ends_when_its_jobs_have(url: str, client: Lorekeep, service: Service) -> None:
    client.collections.create("demo")
    client.documents.add_text("demo", "one", document_id="one")
    service.jobs_move_in_lists = True
    assert answer(url, "reindex", "demo", "--wait") == {"queued": 1, "failed": 0}
    assert "1 job done." in lorekeep(url, "reembed", "demo", "--missing", "--wait").stdout


def test_texts_pairs_and_pages_are_added(url: str, client: Lorekeep, service: Service) -> None:
    client.collections.create("demo")
    assert "succeeded" in lorekeep(url, "add", "text", "Rules", "No shoes.", "-c", "demo", "--id", "r").stdout
    assert lorekeep(url, "add", "text", "Piped", "-", "-c", "demo", "--id", "p", said="from a pipe").exit_code == 0
    assert service.contents[("demo", "p")] == b"from a pipe"
    made = answer(url, "add", "qna", "Shoes?", "No.", "-c", "demo", "--metadata", '{"lang": "en"}')
    assert made["document"]["metadata"] == {"lang": "en"}
    page = answer(url, "add", "website", "https://example.org/", "-c", "demo", "--no-wait")
    assert (page["document"]["kind"], page["job"]["status"]) == ("website", "queued")
    assert "unchanged" in lorekeep(url, "add", "text", "Rules", "No shoes.", "-c", "demo", "--id", "r").stdout
    service.failing = {"Bad": ("empty_text", False)}
    bad = lorekeep(url, "add", "text", "Bad", "x", "-c", "demo")
    assert bad.exit_code == 1
    assert "empty_text" in bad.stdout


def test_webhooks_from_making_to_deleting(url: str, client: Lorekeep) -> None:
    made = lorekeep(url, "webhooks", "create", "https://example.org/hook", "--event", "job.failed")
    assert "secret: whsec_1" in made.stdout
    assert "job.failed" in lorekeep(url, "webhooks", "list").stdout
    assert answer(url, "webhooks", "change", "whk_1", "--off")["active"] is False
    assert "off" in lorekeep(url, "webhooks", "get", "whk_1").stdout
    assert answer(url, "webhooks", "rotate", "whk_1")["secret"] == "whsec_new"
    assert "delivered" in lorekeep(url, "webhooks", "deliveries", "whk_1").stdout
    assert "dlv_1 is sent again" in lorekeep(url, "webhooks", "replay", "whk_1", "dlv_1").stdout
    assert answer(url, "webhooks", "delete", "whk_1") == {"deleted": "whk_1"}
    assert "No webhooks yet" in lorekeep(url, "webhooks", "list").stdout


def test_collections_are_deleted_with_a_receipt(url: str, filled: Lorekeep) -> None:
    shown = lorekeep(url, "collections", "delete", "demo", "--yes").stdout
    assert "in the background" in shown
    assert ["segments", "4"] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize("verb", [("ingest",), ("jobs", "watch"), ("reindex",), ("documents", "delete"), ("add",), ()])
def test_help_tells_the_exit_codes(verb: tuple[str, ...]) -> None:
    assert "Exit codes" in lorekeep("http://x", *verb, "--help").stdout


def test_a_large_ingest_shows_what_failed_and_counts(url: str, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(201):
        (folder / f"{number:03}.txt").write_text(f"content {number}")
    (folder / "y.exe").write_text("program")
    arguments = ("ingest", str(folder), "-c", "demo", "--no-wait")
    shown = lorekeep(url, *arguments).stdout
    assert "y.exe" in shown
    assert "000.txt" not in shown
    assert shown.endswith("202 files: 0 succeeded, 201 queued, 1 failed\n")
    listed = answer(url, *arguments, code=1)["documents"]
    assert [each["document_id"] for each in listed] == [*(f"{number:03}.txt" for number in range(201)), "y.exe"]


def test_documents_inside_of_one_are_shown(url: str, filled: Lorekeep, service: Service) -> None:
    service.documents["demo"]["my-password.pdf"]["parent"] = "farm.txt"
    service.documents["demo"]["farm.txt"]["children_count"] = 1
    told = answer(url, "documents", "list", "demo", "--parent", "farm.txt")
    assert [each["id"] for each in told["documents"]] == ["my-password.pdf"]
    assert "my-password.pdf" in lorekeep(url, "documents", "list", "demo", "--parent", "farm.txt").stdout
    assert lorekeep(url, "documents", "list", "demo", "--parent", "my-password.pdf").stdout.startswith("No documents")
    shown = lorekeep(url, "documents", "show", "demo", "my-password.pdf").stdout
    assert "inside of" in shown
    assert "encrypted: " in shown
    assert answer(url, "documents", "show", "demo", "farm.txt")["children_count"] == 1
    assert [each["id"] for each in filled.documents.list("demo", parent="farm.txt")] == ["my-password.pdf"]
