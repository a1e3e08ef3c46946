"""What can be done with the suite of a home: up, down, status, logs, run. Each gives an exit status."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from lorekeep_chassis.suite import addresses, composition, display, journal, probe, processes
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.plan import Plan
from lorekeep_chassis.suite.state import Record, State
from lorekeep_chassis.suite.supervisor import Supervisor

_POLL_SECONDS = 0.2
_DOWN_SECONDS = 60.0
_LEFTOVER_SECONDS = 5.0
_TAIL_LINES = 40
_SHOWN = ("name", "role", "state", "pid", "port", "restarts")
_SUPERVISOR = (sys.executable, "-m", "lorekeep_chassis.suite", "run")

Compose = Callable[[Home, Mapping[str, str], Mapping[str, int]], Plan]


def up(home: Home, environ: Mapping[str, str], supervisor: Sequence[str] = _SUPERVISOR) -> int:
    """Starts the suite in the background and returns once it is ready; 1 where it does not come up."""
    if home.is_held():
        print(f"lorekeep runs already at {State.read(home.state_file).url}")
        return 0
    _end_leftovers(home)
    try:
        prepare(home, environ)
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"lorekeep starts, its data and logs are in {home.path}", flush=True)
    return _follow(home, _detached(home, environ, supervisor))


def run(home: Home, environ: Mapping[str, str], compose: Compose = composition.compose) -> int:
    """Runs the suite in the foreground until SIGTERM or SIGINT; 3 where another supervisor holds the home."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)-7s %(message)s")
    home.prepare()
    with home.held(seconds=2) as free:
        if not free:
            return 3
        _end_leftovers(home)
        try:
            state = prepare(home, environ)
            return 0 if asyncio.run(_supervise(home, compose(home, environ, state.ports), state)) else 1
        except (StartFailed, OSError) as error:
            _write_failure(home, str(error))
            return 1
        finally:
            home.clear_run()


def down(home: Home) -> int:
    """Ends the suite in order and waits until no process of it is left; data is kept. Also where nothing runs."""
    state = _settled(home)
    if not (state.is_supervised or _leftovers(home, state)):
        home.clear_run()
        print("lorekeep does not run")
        return 0
    if state.is_supervised:
        supervisor = (state.supervisor_pid, state.supervisor_started, signal.SIGTERM)
        processes.end([supervisor], _DOWN_SECONDS)
    _end_leftovers(home)
    home.clear_run()
    print(f"lorekeep is stopped, its data is kept in {home.path}")
    return 0


def status(home: Home, *, as_json: bool) -> int:
    """Prints every process with its readiness and memory, and the memory of all with the supervisor's.

    0 where all are ready.
    """
    state = State.read(home.state_file)
    if not state.is_supervised:
        state.phase, state.processes, state.supervisor_pid = ("failed" if state.failure else "down"), [], 0
    rows = asyncio.run(_rows(state))
    total = sum(int(str(row["memory_bytes"])) for row in rows) + processes.own_pss_bytes(state.supervisor_pid)
    if as_json:
        facts = {"home": state.home, "url": state.url, "phase": state.phase, "memory_bytes": total, "processes": rows}
        print(json.dumps(facts, indent=1))
    else:
        print(display.table(state, rows, total))
    return 0 if rows and all(row["ready"] for row in rows) else 1


def logs(home: Home, name: str, *, follow: bool) -> int:
    """Prints the last lines of a role's logs, of all without a name, and what is added where asked to follow."""
    files = journal.files(home.logs, name)
    if not files:
        known = ", ".join(each.stem for each in journal.files(home.logs, "")) or "none yet"
        print(f"There is no log of {name or 'any process'}; known: {known}", file=sys.stderr)
        return 1
    journal.show(files, _TAIL_LINES)
    if follow:
        journal.follow(files)
    return 0


def prepare(home: Home, environ: Mapping[str, str]) -> State:
    """Makes the home and chooses the ports, so that what is wrong is said before anything is started."""
    wanted = addresses.slots(composition.replicas(environ))
    public_port = composition.public_port(environ)
    home.prepare()
    state = State.read(home.state_file)
    chosen = addresses.choose(wanted, public_port, state.ports)
    state.ports = {**state.ports, **chosen}
    state.url, state.key_file = f"http://127.0.0.1:{public_port}", str(home.key_file)
    state.phase, state.failure, state.failure_log, state.processes = "starting", "", "", []
    state.write(home.state_file)
    return state


def _detached(home: Home, environ: Mapping[str, str], command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The supervisor in a session of its own, so that it outlives the shell."""
    with journal.appending(home.log("supervisor")) as output:
        return subprocess.Popen(  # noqa: S603 - our own program
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _follow(home: Home, supervisor: subprocess.Popen[bytes]) -> int:
    """Shows the progress until the suite is ready or has failed; an interrupt ends the suite."""
    progress, begun = display.Progress(), time.monotonic()
    try:
        while (state := State.read(home.state_file)).phase != "ready" and supervisor.poll() is None:
            progress.show(state.processes, time.monotonic() - begun)
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        return 130
    progress.show(state.processes, time.monotonic() - begun)
    progress.end()
    if state.phase == "ready":
        print(display.welcome(state))
        return 0
    print(display.failure(State.read(home.state_file)), file=sys.stderr)
    return 1


async def _supervise(home: Home, plan: Plan, state: State) -> bool:
    supervisor = Supervisor(home, plan, state)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, supervisor.end)
    return await supervisor.run()


async def _rows(state: State) -> list[dict[str, object]]:
    details = await asyncio.gather(*(_detail(each) for each in state.processes))
    return [
        {
            **{key: value for key, value in asdict(record).items() if key in _SHOWN},
            "ready": not detail,
            "detail": detail,
            "memory_bytes": processes.pss_bytes(record.pid) if record.is_alive else 0,
        }
        for record, detail in zip(state.processes, details, strict=True)
    ]


async def _detail(record: Record) -> str:
    return await probe.ask(record.probe) if record.is_alive else "does not run"


def _settled(home: Home) -> State:
    """The state, once a supervisor that has just taken the home has written itself down."""
    until = time.monotonic() + _LEFTOVER_SECONDS * 2
    while not (state := State.read(home.state_file)).is_supervised and home.is_held() and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return state


def _leftovers(home: Home, state: State) -> list[tuple[int, int, int]]:
    """What a supervisor that was killed left behind, as (pid, started, signal)."""
    recorded = {each.pid: (each.pid, each.started, each.stop_signal) for each in state.processes if each.is_alive}
    strays = {pid: (pid, processes.started(pid), signal.SIGTERM) for pid in processes.marked(home.mark(""))}
    return list((strays | recorded).values())


def _end_leftovers(home: Home) -> None:
    processes.end(_leftovers(home, State.read(home.state_file)), _LEFTOVER_SECONDS)


def _write_failure(home: Home, message: str) -> None:
    state = State.read(home.state_file)
    state.phase, state.failure = "failed", message
    state.write(home.state_file)
    print(message, file=sys.stderr)
