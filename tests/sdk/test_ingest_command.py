"""`lorekeep ingest` against a service of the contract."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from lorekeep_sdk.command import app
from lorekeep_sdk.command.files import File, files
from lorekeep_sdk.command.ingest_rows import of_job, refused
from lorekeep_sdk.command.ingest_views import Bars
from tests.sdk.contract_server import KEY, TRACE, Service
from tests.sdk.faulty_line import LOSE, RESET, faulty_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    (made / "deep" / "er").mkdir(parents=True)
    (made / ".git").mkdir()
    for name in ("a.txt", "MANIFEST.tsv", "deep/er/b.txt", "with-password.pdf", "setup.exe", ".hidden", ".git/x"):
        (made / name).write_text(f"content of {name}")
    (made / "gone.txt").symlink_to(tmp_path / "nowhere")
    return made


def ingest(url: str, *arguments: str | Path) -> Result:
    environment = {"LOREKEEP_URL": url, "LOREKEEP_API_KEY": KEY}
    return CliRunner().invoke(app, ["ingest", *map(str, arguments)], env=environment)


def rows(result: Result) -> dict[str, dict[str, Any]]:
    return {row["document_id"]: row for row in json.loads(result.stdout)["documents"]}


def test_each_file_of_a_folder_has_its_outcome(url: str, service: Service, folder: Path) -> None:
    result = ingest(url, folder, "-c", "demo", "--metadata", '{"lang": "en"}', "--json")
    found = rows(result)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["counts"] == {"files": 6, "succeeded": 3, "queued": 0, "failed": 3}
    assert {name: row["reason"] for name, row in found.items()} == {
        "MANIFEST.tsv": "",
        "a.txt": "",
        "deep/er/b.txt": "",
        "gone.txt": "unreadable",
        "setup.exe": "unsupported_media",
        "with-password.pdf": "encrypted",
    }
    good, bad = found["deep/er/b.txt"], found["setup.exe"]
    assert (good["status"], good["pages"], good["chunks"]) == ("succeeded", 2, 3)
    assert (good["file"], good["job_id"]) == (str(folder / "deep/er/b.txt"), good["job_id"])
    assert (bad["status"], bad["job_id"], bad["trace_id"]) == ("failed", None, TRACE)
    assert service.documents["demo"]["deep/er/b.txt"]["name"] == "b.txt"
    assert service.documents["demo"]["a.txt"]["metadata"] == {"lang": "en"}


def test_a_second_run_makes_no_second_document(url: str, service: Service, folder: Path) -> None:
    (folder / "setup.exe").unlink()
    (folder / "with-password.pdf").unlink()
    (folder / "gone.txt").unlink()
    assert ingest(url, folder, "-c", "demo").exit_code == 0
    (folder / "a.txt").write_text("changed")
    found = rows(ingest(url, folder, "-c", "demo", "--json"))
    assert {name: row["reason"] for name, row in found.items()} == {
        "MANIFEST.tsv": "unchanged",
        "a.txt": "",
        "deep/er/b.txt": "unchanged",
    }
    assert len(service.documents["demo"]) == 3
    assert service.documents["demo"]["a.txt"]["version"] == 2


def test_without_waiting_the_jobs_are_left_to_themselves(url: str, service: Service, folder: Path) -> None:
    result = ingest(url, folder / "a.txt", "-c", "demo", "--no-wait", "--json")
    assert result.exit_code == 0
    assert rows(result)["a.txt"]["status"] == "queued"
    assert not [path for method, path, _ in service.seen if "/jobs/" in path]


def test_lines_and_a_table_where_there_is_no_terminal(url: str, folder: Path) -> None:
    result = ingest(url, folder, "-c", "demo")
    assert "6/6]" in result.stderr
    assert "with-password.pdf: failed encrypted: The file is encrypted." in result.stderr
    assert "\x1b" not in result.output
    assert "a.txt" in result.stdout
    assert result.stdout.endswith("6 files: 3 succeeded, 3 failed\n")


def test_broken_connections_lose_and_double_nothing(url: str, service: Service, folder: Path) -> None:
    with faulty_line(url, "pass", LOSE, RESET, LOSE) as address:
        result = ingest(address, folder / "deep", folder / "a.txt", "-c", "demo", "--json")
    assert {row["status"] for row in rows(result).values()} == {"succeeded"}
    assert set(service.documents["demo"]) == {"er/b.txt", "a.txt"}
    assert len(service.jobs) == 2


def test_two_files_that_would_be_one_document_are_told(url: str, service: Service, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text(name)
    result = ingest(url, tmp_path / "one", tmp_path / "two", tmp_path / "one" / "same.txt", "-c", "demo", "--json")
    listed = json.loads(result.stdout)["documents"]
    assert [row["reason"] for row in listed] == ["", "duplicate_id"]
    assert service.contents[("demo", "same.txt")] == b"one"


def test_a_name_that_is_not_utf_8_goes_too(url: str, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("text")
    result = ingest(url, folder, "-c", "demo", "--json")
    assert [row["status"] for row in rows(result).values()] == ["succeeded"]
    assert list(service.documents["demo"]) == ["caf\N{REPLACEMENT CHARACTER}.txt"]


def test_what_cannot_begin_is_one_line(url: str, folder: Path, tmp_path: Path) -> None:
    wrong_name = ingest(url, folder, "-c", "No Such Name!")
    assert (wrong_name.exit_code, wrong_name.stdout) == (1, "")
    assert wrong_name.stderr.startswith("error: A name has small letters")
    assert TRACE in wrong_name.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    assert ingest(url, empty, "-c", "demo").exit_code == 2
    assert ingest(url, tmp_path / "nowhere", "-c", "demo").exit_code == 2
    assert ingest(url, folder, "-c", "demo", "--metadata", "[1]").exit_code == 2


def test_the_files_of_a_folder_come_in_one_order(folder: Path) -> None:
    found = [each.document_id for each in files([folder])]
    assert found == ["MANIFEST.tsv", "a.txt", "gone.txt", "setup.exe", "with-password.pdf", "deep/er/b.txt"]
    assert [each.document_id for each in files([folder / ".hidden"])] == [".hidden"]


def test_bars_show_bytes_then_stage_and_pages_and_clear_themselves() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    file, other = File(Path("report.pdf"), "report.pdf"), File(Path("bad.pdf"), "bad[/].pdf")
    with Bars(console, 2) as bars:
        bars.begun(file, 1000)
        bars.sent(file, 500)
        bars._progress.refresh()
        bars.looked(file, {"id": "j", "status": "queued"})
        bars._progress.refresh()
        running = {"pages_done": 3, "pages_total": 9}
        bars.looked(file, {"id": "j", "status": "running", "stage": "parse", "progress": running})  # type: ignore[typeddict-item]
        bars._progress.refresh()
        bars.ended(file, of_job(file, 1.0, {"id": "j", "status": "succeeded"}))
        bars.ended(other, refused(other, 0.0, "unsupported_media", "Cannot be read."))
    shown = screen.getvalue()
    assert all(each in shown for each in ("sending", "queued", "parse 3/9 pages", "2/2"))
    assert "bad[/].pdf" in shown
    assert shown.rstrip("\n").endswith("\x1b[2K")  # the last bar's line is cleared
