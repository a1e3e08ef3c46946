"""Starts and ends the embedded Postgres in the home given, under whatever account runs this."""

import asyncio
import os
import sys
from pathlib import Path

from lorekeep_chassis.suite.account import Account
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.lodging import Lodging
from lorekeep_chassis.suite.plan import Plan
from lorekeep_chassis.suite.postgres import Postgres
from lorekeep_chassis.suite.state import State
from lorekeep_chassis.suite.supervisor import Supervisor


async def main(path: str) -> None:
    home = Home(Path(path))
    home.prepare()
    account = Account.without_rights()
    embedded = Postgres(home, Lodging(home, account), account, connections=20)
    state = State(path)
    supervisor = Supervisor(home, Plan("", 0, (embedded.process(),), embedded.steps()), state)
    running = asyncio.create_task(supervisor.run())
    while state.phase == "starting" and not running.done():  # noqa: ASYNC110 - another process is awaited
        await asyncio.sleep(0.05)
    if state.phase == "ready":
        print(f"ready as {os.geteuid()}")
    supervisor.end()
    await running
    print(state.failure, file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
