"""What a child may and may not do, tried by a child, as the user of the tests and as uid 1000 without capabilities."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.parser import plain_user, probes
from tests.parser.probes import Told

from lorekeep_chassis.errors import DeadlineExceeded, InvalidInput, TooLarge, Unavailable
from lorekeep_parser import failures
from lorekeep_parser.sandbox import child_limits, landlock, readable

Try = Callable[..., Told]


@pytest.fixture(params=["as the tests", "as uid 1000"])
def attempt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Try]:
    """Runs a probe behind the walls."""
    if request.param == "as the tests":
        yield lambda probe, **job: probes.tried(probe, tmp_path, **job)
        return
    if missing := plain_user.missing():
        pytest.skip(missing)
    with plain_user.directory() as scratch:
        yield lambda probe, **job: probes.tried(probe, scratch, plain_user.COMMAND, plain_user.python_path(), **job)


def _answer(told: Told) -> Any:
    assert told.error is None, (told.error, told.exit_code)
    (answer,) = told.answers
    return answer


def test_no_socket_of_any_family(attempt: Try) -> None:
    assert set(_answer(attempt("sockets")).values()) == {"EPERM"}


def test_dangerous_calls_are_refused(attempt: Try) -> None:
    outcomes = _answer(attempt("calls"))
    assert outcomes.pop("clone3") == "ENOSYS"
    assert set(outcomes.values()) == {"EPERM"}, outcomes


@pytest.mark.skipif(landlock.version() < 6, reason="the kernel's Landlock holds no signals")
def test_other_processes_are_out_of_reach(attempt: Try) -> None:
    assert set(_answer(attempt("others")).values()) <= {"EPERM", "EACCES"}


@pytest.mark.skipif(landlock.version() == 0, reason="the kernel has no Landlock")
def test_it_writes_to_its_scratch_directory_alone(attempt: Try) -> None:
    with plain_user.directory() as elsewhere:
        outcomes = _answer(attempt("writing", outside=str(elsewhere / "file")))
        assert outcomes == {"scratch": "allowed", "outside": "EACCES", "null": "allowed"}
        assert not list(elsewhere.iterdir())


@pytest.mark.skipif(landlock.version() == 0, reason="the kernel has no Landlock")
def test_it_reads_its_scratch_directory_and_programs_alone(tmp_path: Path) -> None:
    root = tmp_path / "documents"
    mine, neighbour, shelf = root / "mine", root / "neighbour", root / "shelf"
    for each in (mine, neighbour, shelf):
        each.mkdir(parents=True)
    files = {"neighbour": neighbour / "document", "shelf": shelf / "other.json", "secret": tmp_path / "token"}
    for each in (*files.values(), tokenizer := shelf / "mine.json"):
        each.write_text("x")
    elsewhere = {name: str(each) for name, each in files.items()} | {"home": str(Path.home() / ".bashrc")}
    elsewhere |= {"shadow": "/etc/shadow", "parent": f"/proc/{os.getpid()}/environ"}
    outcomes = _answer(probes.tried("reading", mine, tokenizer=str(tokenizer), elsewhere=elsewhere))
    allowed = {"own", "own_folder", "tokenizer", "library"}
    assert {name for name, outcome in outcomes.items() if outcome == "allowed"} == allowed, outcomes
    assert {outcome for name, outcome in outcomes.items() if name not in allowed} <= {"EACCES", "EPERM", "ENOENT"}


def test_what_holds_the_documents_is_no_place_to_read(tmp_path: Path) -> None:
    places = ["/usr", str(tmp_path), "/tmp", str(tmp_path / "documents" / "mine")]
    assert readable.beside(tmp_path / "documents" / "mine", places) == ["/usr", places[-1]]
    assert not {"/", "/root", "/home", str(Path.home()), str(Path.cwd())} & set(readable.places())


def test_limits_and_rights_hold_for_what_it_starts_too(attempt: Try) -> None:
    facts = _answer(attempt("facts"))
    assert facts["dumpable"] == 0
    limits = facts["limits"]
    assert (limits["AS"], limits["FSIZE"]) == (child_limits.MEMORY_BYTES, child_limits.FILE_BYTES)
    assert (limits["CORE"], limits["NOFILE"], limits["CPU"]) == (0, child_limits.OPEN_FILES, 70)
    assert limits["NPROC"] > child_limits.FURTHER_TASKS
    for status in (facts["status"], dict(line.split(":\t", 1) for line in facts["started"].splitlines())):
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


def test_memory_beyond_its_bound(attempt: Try) -> None:
    told = attempt("memory")
    assert isinstance(told.error, InvalidInput)
    assert told.error.reason == "parser_crashed"
    assert "memory" in told.error.message


def test_memory_of_a_program_that_it_starts(attempt: Try) -> None:
    assert _answer(attempt("memory_of_another_program")) != 0


def test_processor_time_beyond_its_bound(attempt: Try) -> None:
    told = attempt("spinning", cpu_seconds=-9)  # one second remains
    assert told.exit_code == -signal.SIGXCPU
    error = failures.of_exit(told.exit_code)
    assert isinstance(error, DeadlineExceeded)
    assert error.reason == "parse_timeout"


def test_more_open_files_than_it_may(attempt: Try) -> None:
    told = attempt("descriptors")
    assert told.error is not None
    assert told.error.reason == "parser_crashed"


def test_a_file_larger_than_it_may_be(attempt: Try) -> None:
    told = attempt("large_file")
    assert isinstance(told.error, TooLarge)
    assert told.error.reason == "too_large_unpacked"


def test_a_crash_is_the_documents_fault(attempt: Try) -> None:
    told = attempt("crash")
    assert told.exit_code == -signal.SIGSEGV
    assert isinstance(failures.of_exit(told.exit_code), InvalidInput)


def test_a_full_disk_is_the_machines_fault(small_disk: Path) -> None:
    told = probes.tried("filling", small_disk)
    assert isinstance(told.error, Unavailable)
    assert told.error.reason == "disk_full"


def test_whose_fault_an_end_is() -> None:
    """One that the kernel killed is tried again, but not for ever; one whose fork server went, without counting."""
    killed, lost = failures.of_exit(-signal.SIGKILL), failures.of_exit(None)
    assert isinstance(killed, Unavailable)
    assert killed.reason == "parser_crashed"
    assert isinstance(lost, Unavailable)
    assert lost.reason == "parser_restarting"
    assert [type(failures.of_exit(code)) for code in (-signal.SIGABRT, 1)] == [InvalidInput] * 2


def test_sockets_are_to_be_had_outside() -> None:
    """So that their refusal inside says something."""
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_kernel_without_filters_is_told_and_served(tmp_path: Path) -> None:
    health = _answer(probes.tried("health", tmp_path, lost="before"))
    assert health["status"] == "degraded"
    assert "sockets and dangerous system calls are not denied: [Errno 22]" in health["detail"]
    facts = _answer(probes.tried("facts", tmp_path, lost="before"))
    assert (facts["status"]["NoNewPrivs"], facts["dumpable"]) == ("1", 0)
    assert facts["limits"]["AS"] == child_limits.MEMORY_BYTES


def test_a_wall_that_falls_later_is_no_reason_to_go_on_without(tmp_path: Path) -> None:
    told = probes.tried("health", tmp_path, lost="after")
    assert not told.answers
    assert isinstance(told.error, Unavailable)
    assert told.error.reason == "sandbox_failed"
