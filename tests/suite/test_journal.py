"""Logs stay small while their writer holds them open, and can be followed."""

import subprocess
import sys
from pathlib import Path

from lorekeep_chassis.suite import journal
from lorekeep_chassis.suite.home import Home

FOLLOW = "import sys, pathlib; from lorekeep_chassis.suite import journal; journal.follow([pathlib.Path(sys.argv[1])])"


def test_a_grown_log_is_copied_and_cut_and_three_copies_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "parser.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(5):
            writer.write(f"run {number} {'x' * 100}\n".encode())
            journal.rotate(log, limit_bytes=100)
        writer.write(b"last\n")
    assert log.read_bytes() == b"last\n"
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "parser.log", "parser.log.1", "parser.log.2", "parser.log.3",
    ]  # fmt: skip
    assert [log.with_name(f"parser.log.{n}").read_text()[:5] for n in (1, 2, 3)] == ["run 4", "run 3", "run 2"]


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "parser.log"
    log.write_text("line\n")
    journal.rotate(log, limit_bytes=100)
    journal.rotate(tmp_path / "none.log", limit_bytes=100)
    assert [path.name for path in tmp_path.iterdir()] == ["parser.log"]


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "parser.log"
    log.write_text("".join(f"line {number}\n" for number in range(5000)))
    assert journal.tail(log, 2) == ["line 4998", "line 4999"]
    assert journal.tail(tmp_path / "none.log", 2) == []


def test_following_shows_whole_lines_also_after_a_cut(home: Home) -> None:
    log = home.log("parser")
    log.write_text("long before\n")
    with subprocess.Popen([sys.executable, "-c", FOLLOW, str(log)], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        wait_for_first_line(log, reader)
        log.write_text("cut\n")
        assert reader.stdout.readline().split("| ")[1] == "cut\n"
        reader.kill()


def wait_for_first_line(log: Path, reader: subprocess.Popen[str]) -> None:
    """Adds a line until the reader, which shows only what comes after its start, shows one."""
    import selectors

    assert reader.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(reader.stdout, selectors.EVENT_READ)
        while not ready.select(timeout=0.5):
            with log.open("a") as writer:
                writer.write("added\n")
    assert reader.stdout.readline().split("| ")[1] == "added\n"
