"""up, down, status and logs over a supervisor process of stand-ins."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.suite.test_supervisor import free_ports

from lorekeep_chassis.suite import processes, verbs
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.state import State

SUPERVISOR = (sys.executable, str(Path(__file__).with_name("standin_suite.py")))


@pytest.fixture
def environ(home: Home) -> Iterator[dict[str, str]]:
    yield {**os.environ, "LOREKEEP_HOME": str(home.path), "LOREKEEP_PORT": str(free_ports(1)[0])}
    verbs.down(home)


def up(home: Home, environ: Mapping[str, str]) -> int:
    return verbs.up(home, environ, SUPERVISOR)


def left(home: Home) -> list[int]:
    """Processes that carry the mark of the home, whoever is their parent."""
    return processes.marked(home.mark(""))


def test_up_then_status_then_down_leaves_no_process(
    home: Home, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert up(home, environ) == 0
    url = f"http://127.0.0.1:{environ['LOREKEEP_PORT']}"
    assert f"lorekeep is ready at {url}" in capsys.readouterr().out
    assert verbs.status(home, as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in facts["processes"]] == ["gateway", "parser"]
    assert all(each["ready"] and each["memory_bytes"] > 1_000_000 for each in facts["processes"])
    assert facts["memory_bytes"] > sum(each["memory_bytes"] for each in facts["processes"])
    state = State.read(home.state_file)
    assert verbs.status(home, as_json=False) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:3] for line in table[2:4]] == [[each.name, "ready", str(each.pid)] for each in state.processes]
    assert verbs.down(home) == 0
    assert not processes.started(state.supervisor_pid)
    assert not left(home)
    assert not home.run.exists()
    assert home.data.exists()
    assert verbs.status(home, as_json=False) == 1


def test_a_second_up_says_where_the_first_one_is(
    home: Home, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert up(home, environ) == 0
    supervisor = State.read(home.state_file).supervisor_pid
    assert up(home, environ) == 0
    assert "runs already at http://127.0.0.1:" in capsys.readouterr().out
    assert State.read(home.state_file).supervisor_pid == supervisor


def test_ports_stay_where_they_were(home: Home, environ: dict[str, str]) -> None:
    assert up(home, environ) == 0
    first = State.read(home.state_file).ports
    verbs.down(home)
    assert up(home, environ) == 0
    assert State.read(home.state_file).ports == first


def test_a_failed_start_shows_the_log_and_leaves_nothing(
    home: Home, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert up(home, environ | {"STANDINS": "--exit 2"}) == 1
    error = capsys.readouterr().err
    assert "parser ended with 2 before it was ready" in error
    assert "the reason is on this line" in error
    assert not left(home)
    assert not home.is_held()


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(
    home: Home, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", int(environ["LOREKEEP_PORT"]))):
        assert up(home, environ) == 1
    message = capsys.readouterr().err
    assert (
        message == f"Port {environ['LOREKEEP_PORT']} is in use. Set LOREKEEP_PORT to another port, or free this one.\n"
    )


def test_processes_end_with_a_supervisor_that_is_killed_and_up_starts_anew(home: Home, environ: dict[str, str]) -> None:
    assert up(home, environ) == 0
    state = State.read(home.state_file)
    os.kill(state.processes[1].pid, signal.SIGSTOP)
    os.kill(state.supervisor_pid, signal.SIGKILL)
    processes.end([(state.supervisor_pid, state.supervisor_started, signal.SIGKILL)], 5)
    assert up(home, environ) == 0
    fresh = State.read(home.state_file)
    assert {each.pid for each in fresh.processes}.isdisjoint({each.pid for each in state.processes})
    assert not any(processes.started(each.pid) for each in state.processes)


def test_down_spares_a_program_that_was_given_the_number_of_a_dead_process(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        state = State(str(home.path), phase="ready")
        state.supervisor_pid, state.supervisor_started = stranger.pid, processes.started(stranger.pid) - 1
        state.write(home.state_file)
        assert verbs.down(home) == 0
        assert capsys.readouterr().out == "lorekeep does not run\n"
        assert stranger.poll() is None
        stranger.kill()


def test_down_ends_a_suite_that_has_only_begun_to_start(home: Home, environ: dict[str, str]) -> None:
    with subprocess.Popen(SUPERVISOR, env=environ, stdout=subprocess.DEVNULL) as supervisor:
        while not home.is_held():
            time.sleep(0.01)
        assert verbs.down(home) == 0
        assert supervisor.wait(timeout=10) == 0
    assert not left(home)


def test_down_without_a_home_says_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert verbs.down(Home(home.path / "nowhere")) == 0
    assert capsys.readouterr().out == "lorekeep does not run\n"


def test_logs_of_a_role_are_those_of_its_replicas(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("gateway", "gateway-2", "parser"):
        home.log(name).write_text(f"line of {name}\n")
    assert verbs.logs(home, "gateway", follow=False) == 0
    assert [line.split(" of ")[1] for line in capsys.readouterr().out.splitlines()] == ["gateway-2", "gateway"]
    assert verbs.logs(home, "nobody", follow=False) == 1
    assert "gateway, parser" in capsys.readouterr().err
