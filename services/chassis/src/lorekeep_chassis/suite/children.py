"""Starting processes of the suite: each in a session of its own, ended with the supervisor, its output in a log."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lorekeep_chassis.suite import journal, processes
from lorekeep_chassis.suite.account import Account

_CHILD = Path(__file__).with_name("child.py")


class StartFailed(Exception):
    """The suite cannot be started. `log` is the file whose last lines say more, None where there is none."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


async def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    account: Account,
    stop_signal: int = signal.SIGTERM,
    descriptors: Sequence[int] = (),
    standard_input: int = asyncio.subprocess.DEVNULL,
    folder: Path | None = None,
) -> asyncio.subprocess.Process:
    """Starts `command`, whose first part is an absolute path, in `folder`; its output is added to `log`."""
    wrapper = (sys.executable, "-I", "-S", str(_CHILD), os.getpid(), stop_signal, account.uid, account.gid)
    with journal.appending(log) as output:
        return await asyncio.create_subprocess_exec(
            *(str(each) for each in (*wrapper, *command)),
            env=dict(environment),
            stdin=standard_input,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,
            pass_fds=tuple(descriptors),
        )


async def run_once(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    account: Account,
    text: str = "",
    folder: Path | None = None,
) -> int:
    """Runs `command` to its end, with `text` as its input, and gives its exit status; cancelled, it is killed."""
    pipe = asyncio.subprocess.PIPE
    child = await start(command, environment, log, account=account, standard_input=pipe, folder=folder)
    try:
        await child.communicate(text.encode())
    finally:
        if child.returncode is None:
            processes.kill_group(child.pid)
            await child.wait()
    return child.returncode or 0
