"""Runs a plan: starts everything at once as far as nothing waits for it, keeps it alive, and ends it in order."""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from typing import Any

from lorekeep_chassis.suite import children, journal, processes
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.keeper import Keeper
from lorekeep_chassis.suite.plan import Plan, Process, Stage, Step
from lorekeep_chassis.suite.state import Record, State

_LOG = logging.getLogger("lorekeep.suite")
_HOUSEKEEPING_SECONDS = 5.0
_BACKLOG = 1024


class Supervisor:
    """The one supervisor of a home; `run` returns once everything has ended."""

    def __init__(self, home: Home, plan: Plan, state: State) -> None:
        self._home, self._plan, self._state = home, plan, state
        self._listener: socket.socket | None = None
        self._over: asyncio.Future[StartFailed | None] = asyncio.get_running_loop().create_future()
        self._keeping: list[asyncio.Task[None]] = []
        self._passing: list[asyncio.Task[None]] = []
        records = [Record(p.name, p.role, p.probe, p.port, p.stop_signal) for p in plan.processes]
        state.begin(records, plan.notes)
        state.database_url = plan.database_url
        self._keepers = [self._keeper(*pair) for pair in zip(plan.processes, records, strict=True)]
        self._done = {each.process.name: each.ready for each in self._keepers}
        self._done |= {step.name: asyncio.Event() for step in plan.steps}

    async def run(self) -> bool:
        """Runs until `end` is called or the start fails; whether it started. Afterwards no process is left."""
        self._tell("starting")
        try:
            self._listener = self._listen()
            self._start()
            failure = await self._over
        except OSError as error:
            failure = StartFailed(f"The address {self._plan.url} cannot be listened to: {error.strerror}.")
        self._note(failure)
        await self._drain()
        self._state.processes = []
        self._state.supervisor_pid = self._state.supervisor_started = 0
        self._tell("failed" if failure else "down")
        return failure is None

    def end(self) -> None:
        """Ends the suite in order; may be called at any time and more than once."""
        if not self._over.done():
            self._over.set_result(None)

    def _start(self) -> None:
        for keeper in self._keepers:
            self._keeping.append(self._spawn(self._keep(keeper)))
        passing = (*(self._take(step) for step in self._plan.steps), self._announce(), self._keep_house())
        self._passing += [self._spawn(each) for each in passing]

    async def _take(self, step: Step) -> None:
        await self._wait_for(step.after)
        _LOG.info("%s", step.name)
        await step.action()
        self._done[step.name].set()

    async def _keep(self, keeper: Keeper) -> None:
        await self._wait_for(keeper.process.after)
        await keeper.keep()

    async def _wait_for(self, names: tuple[str, ...]) -> None:
        for name in names:
            await self._done[name].wait()

    async def _announce(self) -> None:
        """Says so once everything is ready, and gives up where that takes too long."""
        try:
            async with asyncio.timeout(self._plan.start_seconds):
                await self._wait_for(tuple(self._done))
        except TimeoutError:
            raise self._late() from None
        _LOG.info("ready at %s", self._plan.url)
        self._tell("ready")

    def _late(self) -> StartFailed:
        reasons = {each.process.name: each.reason for each in self._keepers}
        missing = [name for name, event in self._done.items() if not event.is_set()]
        told = "; ".join(f"{name} ({reasons.get(name, 'not done')})" for name in missing)
        log = next((log for name in missing if (log := self._home.log(name)).exists()), None)
        return StartFailed(f"Not ready after {self._plan.start_seconds:.0f} s: {told}.", log)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            for log in self._home.logs.glob("*.log"):
                journal.rotate(log)

    async def _drain(self) -> None:
        """Steps stop first; then the stages one after the other, each within its own time."""
        await _cancel(self._passing)
        for stage in sorted(Stage):
            seconds = self._plan.drain_seconds[stage]
            await asyncio.gather(*(each.stop(seconds) for each in self._keepers if each.process.stage == stage))
        await _cancel(self._keeping)
        for pid in processes.marked(self._home.mark("")):
            processes.send(pid, 9)
        if self._listener is not None:
            self._listener.close()
        _LOG.info("ended")

    def _note(self, failure: StartFailed | None) -> None:
        if failure is not None:
            _LOG.error("%s", failure)
            self._state.failure, self._state.failure_log = str(failure), str(failure.log or "")
        self._tell("stopping")

    def _listen(self) -> socket.socket | None:
        """One socket for all gateways, open as long as the suite lives: a restarted one refuses no connection."""
        return socket.create_server(("127.0.0.1", self._plan.port), backlog=_BACKLOG) if self._plan.port else None

    def _keeper(self, process: Process, record: Record) -> Keeper:
        log, mark = self._home.log(process.name), self._home.mark(process.name)
        return Keeper(process, record, self._launch, log, mark, lambda: self._tell(self._state.phase))

    async def _launch(self, process: Process) -> asyncio.subprocess.Process:
        environment = {**process.environment, processes.MARK: self._home.mark(process.name)}
        descriptors = []
        if process.listens and self._listener is not None:
            descriptors = [self._listener.fileno()]
            environment["LOREKEEP_LISTEN_FD"] = str(descriptors[0])
        return await children.start(
            process.command,
            environment,
            self._home.log(process.name),
            account=process.account,
            stop_signal=process.stop_signal,
            descriptors=descriptors,
            folder=process.folder,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._check)
        return task

    def _check(self, task: asyncio.Task[None]) -> None:
        """A failure of any task ends the suite."""
        if task.cancelled() or (error := task.exception()) is None or self._over.done():
            return
        if not isinstance(error, StartFailed):
            _LOG.error("the supervisor failed", exc_info=error)
            error = StartFailed(f"The supervisor failed: {error}", self._home.log("supervisor"))
        self._over.set_result(error)

    def _tell(self, phase: str) -> None:
        self._state.phase = phase
        self._state.write(self._home.state_file)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
