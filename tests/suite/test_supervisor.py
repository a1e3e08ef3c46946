"""The supervisor over stand-in roles: real processes, real sockets."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from tests.suite.standin_suite import process

from lorekeep_chassis.suite import processes
from lorekeep_chassis.suite.addresses import is_free
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.plan import Plan, Process, Stage, Step
from lorekeep_chassis.suite.state import Record, State
from lorekeep_chassis.suite.supervisor import Supervisor


def free_ports(count: int) -> list[int]:
    first = 30000 + os.getpid() % 1000
    return [port for port in range(first, first + 500) if is_free(port)][:count]


def plan(*standins: Process, port: int = 0, steps: tuple[Step, ...] = ()) -> Plan:
    drain = {Stage.EDGE: 5.0, Stage.SERVICE: 5.0, Stage.CACHE: 5.0, Stage.DATABASE: 5.0}
    return Plan(f"http://127.0.0.1:{port}", port, standins, steps, start_seconds=30, drain_seconds=drain)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110 - what is awaited happens in another process
            await asyncio.sleep(0.05)


@asynccontextmanager
async def supervised(home: Home, wanted: Plan) -> AsyncIterator[State]:
    """Runs a plan inside; afterwards it has ended in order."""
    state = State(str(home.path))
    supervisor = Supervisor(home, wanted, state)
    running = asyncio.create_task(supervisor.run())
    try:
        await until(lambda: state.phase == "ready" or running.done())
        yield state
    finally:
        supervisor.end()
        await running


def record(state: State, name: str) -> Record:
    return next(each for each in state.processes if each.name == name)


async def fetched(port: int) -> str:
    """The answer; asked again where one that is stopped or killed meanwhile had taken the connection already."""
    while True:
        with suppress(TimeoutError, ConnectionResetError):
            async with asyncio.timeout(5):
                if answer := await _asked(port):
                    return answer


async def _asked(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n")[2].decode()


async def test_what_dies_is_started_again_with_all_its_children_gone(home: Home) -> None:
    (port,) = free_ports(1)
    async with supervised(home, plan(process("parser", port, home.path / "order", "--child"))) as state:
        first = record(state, "parser").pid
        (grandchild,) = processes.descendants(first)
        os.kill(first, signal.SIGKILL)
        await until(lambda: record(state, "parser").restarts == 1 and record(state, "parser").state == "ready")
        assert record(state, "parser").pid != first
        assert not processes.started(grandchild)
        assert str(record(state, "parser").pid) in await fetched(port)


async def test_replicas_share_a_socket_that_outlives_each(home: Home) -> None:
    public, *ports = free_ports(3)
    pair = [
        process(name, port, home.path / "order", listens=True)
        for name, port in zip(("gateway", "gateway-2"), ports, strict=True)
    ]
    async with supervised(home, plan(*pair, port=public)) as state:
        os.kill(record(state, "gateway").pid, signal.SIGSTOP)
        # A stopped process may have taken a connection already, the other one answers the rest.
        assert (await fetched(public)).startswith("gateway-2")
        os.kill(record(state, "gateway-2").pid, signal.SIGSTOP)
        waiting = asyncio.create_task(fetched(public))
        await asyncio.sleep(0.2)
        os.kill(record(state, "gateway-2").pid, signal.SIGKILL)
        os.kill(record(state, "gateway").pid, signal.SIGKILL)
        assert (await waiting).startswith("gateway")


async def test_things_start_after_what_they_need_and_end_in_stages(home: Home) -> None:
    order = home.path / "order"
    ports = free_ports(3)

    async def migrate() -> None:
        with order.open("a") as file:
            file.write("migrated\n")

    standins = (
        process("gateway", ports[0], order, stage=Stage.EDGE, after=("migrate",)),
        process("parser", ports[1], order, stage=Stage.SERVICE),
        process("database", ports[2], order, stage=Stage.DATABASE),
    )
    async with supervised(home, plan(*standins, steps=(Step("migrate", migrate, after=("database",)),))) as state:
        pids = [each.pid for each in state.processes]
    lines = order.read_text().splitlines()
    assert lines.index("begun database") < lines.index("migrated") < lines.index("begun gateway")
    assert lines[-3:] == ["ended gateway", "ended parser", "ended database"]
    assert not any(processes.started(pid) for pid in pids)
    assert (state.phase, state.processes) == ("down", [])


@pytest.mark.parametrize("code", [2, 1])
async def test_a_process_that_never_comes_up_ends_the_start(home: Home, code: int) -> None:
    good, bad = free_ports(2)
    order = home.path / "order"
    wanted = plan(process("parser", good, order), process("search", bad, order, "--exit", str(code)))
    async with supervised(home, wanted) as state:
        assert state.failure == f"search ended with {code} before it was ready."
        assert "the reason is on this line" in home.log("search").read_text()
    assert state.phase == "failed"
    assert is_free(good)


async def test_a_step_that_fails_ends_the_start(home: Home) -> None:
    (port,) = free_ports(1)

    async def fail() -> None:
        raise StartFailed("The schema is newer than this program.")

    async with supervised(home, plan(process("parser", port, home.path / "order"), steps=(Step("migrate", fail),))):
        assert State.read(home.state_file).failure == "The schema is newer than this program."


async def test_a_process_that_ignores_the_request_to_end_is_killed(home: Home) -> None:
    (port,) = free_ports(1)
    wanted = Plan("", 0, (process("parser", port, home.path / "order"),), drain_seconds=dict.fromkeys(Stage, 0.3))
    async with supervised(home, wanted) as state:
        pid = record(state, "parser").pid
        os.kill(pid, signal.SIGSTOP)
    assert not processes.started(pid)


async def test_two_suites_run_beside_each_other(home: Home, other_home: Home) -> None:
    one, two = free_ports(2)
    async with supervised(home, plan(process("parser", one, home.path / "order"))) as first:
        async with supervised(other_home, plan(process("parser", two, other_home.path / "order"))):
            assert str(record(first, "parser").pid) in await fetched(one)
        assert str(record(first, "parser").pid) in await fetched(one)


def test_a_plan_refuses_names_that_nobody_has(home: Home) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        plan(process("parser", 1, home.path / "order", after=("nowhere",)))
