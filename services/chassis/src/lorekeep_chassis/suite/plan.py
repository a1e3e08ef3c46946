"""What a suite consists of: processes that are kept alive, steps that are taken once, and what waits for what."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from lorekeep_chassis.suite.account import Account


class Stage(IntEnum):
    """When a process is told to end: the lowest first, all of one stage at once."""

    EDGE = 0
    SERVICE = 1
    CACHE = 2
    DATABASE = 3


@dataclass(frozen=True)
class Process:
    """One process to keep alive.

    `name` is its own, `role` that of its replicas too. `probe` is a target of `probe.ask`, `port` what status shows
    (0: none), `after` the names of processes to be ready and of steps to be done before its first start. `listens`: it
    inherits the suite's listening socket, whose descriptor it finds in LOREKEEP_LISTEN_FD. It starts in `folder`, by
    default the supervisor's.
    """

    name: str
    role: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    probe: str
    stage: Stage
    port: int = 0
    after: tuple[str, ...] = ()
    listens: bool = False
    stop_signal: int = signal.SIGTERM
    account: Account = field(default_factory=Account.own)
    folder: Path | None = None


@dataclass(frozen=True)
class Step:
    """Something done once at each start, after what `after` names; `StartFailed` from `action` ends the start."""

    name: str
    action: Callable[[], Awaitable[None]]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A whole suite. `port` is the listening socket's; `notes` are lines for whoever starts it;
    `database_url` is the embedded database, empty where there is none.

    `drain_seconds` bounds each stage of the end; what is left after it is killed.
    """

    url: str
    port: int
    processes: tuple[Process, ...]
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    database_url: str = ""
    start_seconds: float = 180.0
    drain_seconds: Mapping[Stage, float] = field(
        default_factory=lambda: {Stage.EDGE: 22.0, Stage.SERVICE: 6.0, Stage.CACHE: 2.0, Stage.DATABASE: 15.0}
    )

    def __post_init__(self) -> None:
        nodes: tuple[Process | Step, ...] = (*self.processes, *self.steps)
        names = [each.name for each in nodes]
        unknown = {after for each in nodes for after in each.after} - set(names)
        if unknown or len(set(names)) != len(names):
            raise ValueError(f"names of a plan must be unique and known: {names}, unknown {unknown}")
