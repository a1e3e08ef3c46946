"""`lorekeep ingest` run again: killed, interrupted, changed in between, refused, or while another is at work."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from lorekeep_sdk import Lorekeep
from lorekeep_sdk.command import app
from lorekeep_sdk.command.journal import Journal
from tests.sdk.contract_server import KEY, Service

LARGE_BYTES = 40 * 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    for number in range(6):
        (made / f"{number}.txt").write_text(f"content of {number}")
    return made


def command(url: str, folder: Path, *more: str) -> list[str]:
    return ["ingest", str(folder), "-c", "demo", "--json", "--url", url, "--key", KEY, *more]


def ingest(url: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, command(url, folder, *more))


def reasons(result: Result) -> dict[str, str]:
    listed: list[dict[str, Any]] = json.loads(result.stdout)["documents"]
    return {row["document_id"]: row["reason"] for row in listed}


def posts(service: Service) -> list[str]:
    return [path for method, path, _ in service.seen if method in ("POST", "PUT") and "/collections/" in path]


def sent_again(service: Service, url: str, folder: Path, *more: str) -> tuple[Result, list[str]]:
    service.seen.clear()
    return ingest(url, folder, *more), posts(service)


def killed(url: str, folder: Path, enough: Callable[[], bool]) -> int:
    """Runs the command as a process and kills it with -9 once there is enough; its exit status."""
    arguments = [sys.executable, "-m", "lorekeep_sdk", *command(url, folder, "--concurrency", "2")]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not enough() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    return process.wait()


def test_nothing_is_sent_that_is_there_already(url: str, service: Service, folder: Path) -> None:
    assert ingest(url, folder).exit_code == 0
    os.utime(folder / "1.txt", (1, 1))
    (folder / "2.txt").write_text("changed")
    result, sent = sent_again(service, url, folder)
    assert (result.exit_code, len(sent)) == (0, 1)
    assert {name for name, reason in reasons(result).items() if reason != "unchanged"} == {"2.txt"}
    assert sent_again(service, url, folder)[1] == []


def test_what_was_not_waited_for_is_found_by_its_job(url: str, service: Service, folder: Path) -> None:
    assert ingest(url, folder, "--no-wait").exit_code == 0
    result, sent = sent_again(service, url, folder)
    assert sent == []
    assert json.loads(result.stdout)["counts"]["succeeded"] == 6


def test_a_document_that_is_gone_is_sent_again(url: str, service: Service, folder: Path) -> None:
    ingest(url, folder)
    with Lorekeep(url, KEY) as client:
        client.documents.delete("demo", "3.txt")
    result, sent = sent_again(service, url, folder)
    assert (len(sent), reasons(result)["3.txt"]) == (1, "")
    for job in [each for each, job in service.jobs.items() if job["document_id"] == "4.txt"]:
        del service.jobs[job]  # jobs are forgotten before their documents
    assert sent_again(service, url, folder)[1] == []


def test_other_metadata_is_sent_and_a_fresh_run_forgets(url: str, service: Service, folder: Path) -> None:
    ingest(url, folder)
    assert len(sent_again(service, url, folder, "--metadata", '{"lang": "en"}')[1]) == 6
    result, sent = sent_again(service, url, folder, "--fresh", "--metadata", '{"lang": "en"}')
    assert len(sent) == 6
    assert set(reasons(result).values()) == {"unchanged"}  # the service had it all
    assert len(service.jobs) == 6


def test_a_collection_made_anew_gets_everything(url: str, service: Service, folder: Path) -> None:
    ingest(url, folder)
    with Lorekeep(url, KEY) as client:
        client.collections.create("other")
        client.collections.delete("demo")
    assert len(sent_again(service, url, folder)[1]) == 6


def test_what_failed_in_passing_is_retried_and_what_failed_for_good_is_shown(
    url: str, service: Service, folder: Path
) -> None:
    service.failing = {"1.txt": ("deadline_exceeded", True), "2.txt": ("encrypted", False)}
    (folder / "x.exe").write_text("program")
    assert ingest(url, folder).exit_code == 1
    service.failing = {}
    result, sent = sent_again(service, url, folder)
    assert (result.exit_code, sent) == (1, [])
    retried = [path for method, path, _ in service.seen if path.endswith("/retry")]
    assert len(retried) == 1
    found = reasons(result)
    assert (found["1.txt"], found["2.txt"], found["x.exe"]) == ("unchanged", "encrypted", "unsupported_media")
    result, sent = sent_again(service, url, folder, "--retry-failed")
    assert len(sent) == 2
    assert {name for name, reason in reasons(result).items() if reason != "unchanged"} == {"x.exe"}


def test_a_full_service_is_waited_for(url: str, service: Service, folder: Path) -> None:
    with Lorekeep(url, KEY) as client:
        client.collections.create("demo")
    service.planned.extend([(429, {"retry-after": "0.05"})] * 3 + [(503, {"retry-after": "0.05"})] * 3)
    assert ingest(url, folder).exit_code == 0
    assert len(service.jobs) == 6


def test_patience_ends_and_the_rest_is_told_as_not_sent(url: str, service: Service, folder: Path) -> None:
    assert ingest(url, folder / "0.txt").exit_code == 0
    service.full_for = "documents"
    result = ingest(url, folder, "--patience", "0.2", "--concurrency", "1")
    found = reasons(result)
    assert result.exit_code == 1
    assert sorted(set(found.values())) == ["not_sent", "queue_full", "unchanged"]
    service.full_for = ""
    assert ingest(url, folder).exit_code == 0


def test_two_at_once_on_one_folder_are_told_apart(url: str, folder: Path, state_folder: Path) -> None:
    ingest(url, folder)
    [path] = (state_folder / "lorekeep" / "ingest").iterdir()
    heading = json.loads(path.read_text().splitlines()[0])
    del heading["lorekeep_ingest_journal"]
    held = Journal(path, heading)
    try:
        result = ingest(url, folder)
    finally:
        held.close()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Another `lorekeep ingest` is at work" in result.stderr
    assert "--journal" in result.stderr


def test_a_named_journal_is_kept_where_it_is_named(url: str, service: Service, folder: Path, tmp_path: Path) -> None:
    ingest(url, folder, "--journal", str(tmp_path / "mine"))
    assert sent_again(service, url, folder, "--journal", str(tmp_path / "mine"))[1] == []
    assert len(sent_again(service, url, folder)[1]) == 6


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_goes_on(url: str, service: Service, folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    service.seconds_per_answer = 0.02
    ends = []
    for _ in range(4):
        enough = len(service.seen) + chance.randint(2, 14)
        ends.append(killed(url, folder, lambda least=enough: len(service.seen) >= least))  # type: ignore[misc]
    assert -signal.SIGKILL in ends
    result, _ = sent_again(service, url, folder)
    assert result.exit_code == 0
    assert len(service.jobs) == len(service.contents) == 6
    assert service.arrived_bytes == sum(map(len, service.contents.values()))  # each file once


def test_any_part_of_a_journal_leads_to_a_right_rerun(
    url: str, service: Service, folder: Path, state_folder: Path
) -> None:
    ingest(url, folder)
    [path] = (state_folder / "lorekeep" / "ingest").iterdir()
    whole = path.read_bytes()

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, len(whole)))
    def rerun(length: int) -> None:
        path.write_bytes(whole[:length])
        known = {json.loads(line).get("document_id") for line in whole[:length].split(b"\n")[1:-1]}
        result, sent = sent_again(service, url, folder)
        assert result.exit_code == 0
        assert len(sent) == 6 - len(known)
        assert set(reasons(result).values()) == {"unchanged"}
        assert len(service.jobs) == 6

    rerun()


def test_a_file_that_arrived_before_the_answer_was_read_is_not_sent_twice(
    url: str, service: Service, folder: Path, state_folder: Path
) -> None:
    ingest(url, folder)
    [path] = (state_folder / "lorekeep" / "ingest").iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(each for each in lines if b'"accepted"' not in each and b'"succeeded"' not in each))
    result, sent = sent_again(service, url, folder)
    assert (result.exit_code, sent) == (0, [])
    assert set(reasons(result).values()) == {"unchanged"}


def test_a_large_file_goes_on_with_the_part_it_was_killed_in(url: str, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "big.bin").write_bytes(os.urandom(1024 * 1024) * 40)
    service.seconds_per_part = 0.3
    killed(url, folder, lambda: any(len(each["parts"]) >= 2 for each in list(service.uploads.values())))
    time.sleep(0.5)
    [upload] = service.uploads.values()
    there = sum(map(len, upload["parts"].values()))
    assert 0 < there < LARGE_BYTES
    service.arrived_bytes, service.seconds_per_part = 0, 0.0
    result, sent = sent_again(service, url, folder)
    assert result.exit_code == 0
    assert service.arrived_bytes == LARGE_BYTES - there
    assert service.contents[("demo", "big.bin")] == (folder / "big.bin").read_bytes()
    assert not [each for each in sent if each.endswith("/uploads")]
    assert sent_again(service, url, folder)[1] == []
