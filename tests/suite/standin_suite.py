"""A supervisor of stand-ins: what `python -m lorekeep_chassis.suite run` is for the real roles.

STANDINS holds the arguments of the second process, blank-separated.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lorekeep_chassis.suite import verbs
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.plan import Plan, Process, Stage

STANDIN = Path(__file__).with_name("standin.py")


def process(
    name: str,
    port: int,
    order: Path,
    *arguments: str,
    stage: Stage = Stage.SERVICE,
    after: tuple[str, ...] = (),
    listens: bool = False,
) -> Process:
    """A stand-in that is probed on `port` and writes its begin and end to `order`."""
    return Process(
        name=name,
        role=name.partition("-")[0],
        command=(sys.executable, str(STANDIN), name, str(port), *arguments),
        environment={"ORDER": str(order), "PATH": "/usr/bin:/bin"},
        probe=f"http:{port}",
        port=port,
        stage=stage,
        after=after,
        listens=listens,
    )


def compose(home: Home, environ: Mapping[str, str], ports: Mapping[str, int]) -> Plan:
    order = home.path / "order"
    arguments = environ.get("STANDINS", "").split()
    return Plan(
        url=f"http://127.0.0.1:{ports['gateway.http']}",
        port=ports["gateway.http"],
        processes=(
            process("gateway", ports["gateway.metrics"], order, stage=Stage.EDGE, listens=True),
            process("parser", ports["parser.metrics"], order, *arguments),
        ),
    )


if __name__ == "__main__":
    raise SystemExit(verbs.run(Home.of(os.environ), os.environ, compose))
