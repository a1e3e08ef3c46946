"""The verbs of `lorekeep` but ingest, through typer's runner and as a real process."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from lorekeep_sdk import AsyncLorekeep, Lorekeep
from lorekeep_sdk.command import app, session
from lorekeep_sdk.errors import NoAnswer
from tests.sdk.contract_server import KEY, TRACE, Service

TEXT = "A guide to cows.\n\nThe cow comes home under the sun [not markup]. \x1b[31mRed\x07"


@pytest.fixture
def filled(client: Lorekeep) -> Lorekeep:
    client.collections.create("demo", metadata_schema={"year": "integer"})
    for name, text in (("farm.txt", TEXT), ("my-password.pdf", "x")):
        job = client.documents.add("demo", text.encode(), name=name, document_id=name)["job"]
        assert job is not None
        client.jobs.wait(job["id"])
    return client


def lorekeep(url: str, *arguments: str, key: str = KEY, said: str = "") -> Result:
    return CliRunner().invoke(app, arguments, env={"LOREKEEP_URL": url, "LOREKEEP_API_KEY": key}, input=said)


def answer(url: str, *arguments: str) -> Any:
    result = lorekeep(url, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_search_shows_number_document_page_headings_and_passage(url: str, filled: Lorekeep) -> None:
    result = lorekeep(url, "search", "demo", "cow home", "--limit", "1")
    assert result.exit_code == 0
    for shown in ("1.", "farm.txt", "page 2", "Guide › Part one", "1.000", "The cow comes home", "[not markup]", TRACE):
        assert shown in result.stdout
    assert not set(result.stdout) & {"\x1b", "\x07"}


def test_search_as_json_is_the_answer_as_it_came(url: str, filled: Lorekeep, service: Service) -> None:
    raw = answer(
        url, "search", "demo", "cow", "--filter", '{"year": 2024}', "--group-by", "document", "--mode", "lexical"
    )
    assert raw["hits"][0]["document_id"] == "farm.txt"
    assert raw["trace_id"] == TRACE
    assert "Nothing found" in lorekeep(url, "search", "demo", "zebra").stdout


def test_status_shows_health_counts_and_why_documents_failed(url: str, filled: Lorekeep, service: Service) -> None:
    shown = lorekeep(url, "status")
    assert shown.exit_code == 0
    for word in ("is ready", "search", "demo", "my-password.pdf", "encrypted"):
        assert word in shown.stdout
    [state] = answer(url, "status", "demo")["collections"]
    assert state["documents"] == {"ready": 1, "failed": 1}
    assert [each["id"] for each in state["failed"]] == ["my-password.pdf"]
    service.ready = False
    bad = lorekeep(url, "status")
    assert bad.exit_code == 1
    assert "search is starting" in bad.stdout


def test_collections_and_documents_are_listed_made_and_deleted(url: str, filled: Lorekeep) -> None:
    assert answer(url, "collections", "create", "other", "--schema", '{"lang": "keyword"}')["name"] == "other"
    assert [each["name"] for each in answer(url, "collections", "list")["collections"]] == ["demo", "other"]
    assert "year integer" in lorekeep(url, "collections", "list").stdout
    assert lorekeep(url, "collections", "delete", "other", said="n\n").exit_code == 1
    deleted = answer(url, "collections", "delete", "other")
    assert (deleted["deleted"], deleted["status"], deleted["removed"]["chunks"]) == ("other", "deleting", 6)
    assert {each["id"] for each in answer(url, "documents", "list", "demo")["documents"]} == {
        "farm.txt",
        "my-password.pdf",
    }
    assert "encrypted" in lorekeep(url, "documents", "list", "demo").stdout
    receipt = lorekeep(url, "documents", "delete", "demo", "farm.txt").stdout.splitlines()
    assert receipt[0] == "Deleted farm.txt."
    assert ["cache", "entries", "4"] in [line.split() for line in receipt]
    assert lorekeep(url, "documents", "delete", "demo", "farm.txt").exit_code == 1


def test_jobs_are_shown_and_cancelled(url: str, filled: Lorekeep, service: Service) -> None:
    assert answer(url, "jobs", "get", "job_1")["status"] == "succeeded"
    assert "encrypted: The file is encrypted" in lorekeep(url, "jobs", "get", "job_2").stdout
    filled.documents.add_text("demo", "new", document_id="new")
    assert "cancelled" in lorekeep(url, "jobs", "cancel", "job_3").stdout


def test_an_error_is_one_line_with_reason_and_trace(url: str, filled: Lorekeep) -> None:
    for arguments, key, said in (
        (("search", "nowhere", "x"), KEY, "(not_found)"),
        (("status",), "kb_wrong", "(unauthenticated) Check --key"),
    ):
        result = lorekeep(url, *arguments, key=key)
        assert (result.exit_code, result.stdout) == (1, "")
        [line] = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert said in line
        assert TRACE in line
    assert lorekeep(url, "search", "demo", "x", "--mode", "psychic").exit_code == 2


def process(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOREKEEP_")}
    command = [sys.executable, "-m", "lorekeep_sdk", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env={**clean, **environment}, stdout=pipe, stderr=pipe, text=True)


def test_a_process_finds_the_suite_around_it(url: str, filled: Lorekeep, tmp_path: Path) -> None:
    (tmp_path / ".lorekeep").mkdir()
    (tmp_path / ".lorekeep" / "admin.key").write_text(KEY)
    (tmp_path / ".lorekeep" / "suite.json").write_text(json.dumps({"url": url}))
    with process("search", "demo", "cow", "--json", folder=tmp_path) as ended:
        out, _ = ended.communicate(timeout=60)
    assert ended.returncode == 0
    assert json.loads(out)["hits"][0]["document_id"] == "farm.txt"


def test_a_process_without_a_suite_says_what_to_do(tmp_path: Path) -> None:
    with process("status", folder=tmp_path) as ended:
        out, said = ended.communicate(timeout=60)
    assert (ended.returncode, out, len(said.splitlines())) == (2, "", 1)
    assert "make up" in said


def test_nothing_at_the_address_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with process("status", "--url", url, "--key", KEY, folder=tmp_path) as ended:
        _, said = ended.communicate(timeout=60)
    assert (ended.returncode, len(said.splitlines())) == (2, 1)
    assert "make up" in said


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Who runs tests in the background of a shell has them, and their children, ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_cleanly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with process("search", "demo", "x", "--url", url, "--key", KEY, folder=tmp_path) as running:
            asking, _ = silent.accept()
            with asking:
                asking.recv(65536)
                asking.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
                assert asking.recv(65536).startswith(b"POST ")  # it asks its question, and is kept waiting
                running.send_signal(signal.SIGINT)
                out, said = running.communicate(timeout=60)
    assert (running.returncode, out, said) == (130, "", "Interrupted.\n")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_a_call_swallows_is_an_interrupt(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def swallowing(_: AsyncLorekeep) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise NoAnswer("no answer") from None

    with pytest.raises(typer.Exit) as ended:
        session.run(url, KEY, swallowing)
    assert (ended.value.exit_code, capsys.readouterr().err) == (130, "Interrupted.\n")


@pytest.fixture
def plugged(tmp_path: Path) -> Path:
    """A folder that looks as if distributions with verbs were installed in it."""
    (tmp_path / "verbs.py").write_text(
        "import typer\napp = typer.Typer()\n@app.callback()\ndef root() -> None: ...\n"
        "@app.command()\ndef migrate(to: str = 'head') -> None: print('migrated to', to)\nnonsense = 5\n"
    )
    information = tmp_path / "house_verbs-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: house-verbs\nVersion: 1\n")
    (information / "entry_points.txt").write_text(
        "[lorekeep.commands]\nschema = verbs:app\nbroken = no_such_module:app\n"
        "odd = verbs:nonsense\nsearch = verbs:app\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--help",), 0, "From house-verbs."),
        (("schema", "migrate", "--to", "2"), 0, "migrated to 2"),
        (("schema", "--help"), 0, "migrate"),
        (("schema", "nothing"), 2, "No such command"),
        (("broken", "x"), 1, "cannot be loaded: ModuleNotFoundError"),
        (("odd",), 1, "neither a Typer app nor a click command"),
        (("search", "--help"), 0, "Find passages"),
    ],
)
def test_verbs_of_other_distributions(plugged: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    paths = os.pathsep.join([str(plugged), os.environ.get("PYTHONPATH", ""), *sys.path])
    with process(*arguments, folder=plugged, PYTHONPATH=paths) as ended:
        out, complaint = ended.communicate(timeout=60)
    assert ended.returncode == code
    assert said in out + complaint
    assert "Traceback" not in out + complaint


def test_help_loads_no_http_client() -> None:
    script = "import sys, lorekeep_sdk.command; print('httpx' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
