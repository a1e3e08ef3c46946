"""Becomes a process of the suite: `python -I -S child.py PARENT SIGNAL UID GID COMMAND...`.

It gives up the account it was started under, asks the kernel for SIGNAL when PARENT dies, and executes COMMAND. A
script of its own, since the request would be lost by a later change of account, and so that nothing runs between
fork and exec in the supervisor.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: str, number: str, uid: str, gid: str, *command: str) -> None:
    """Never returns."""
    if int(uid) != os.geteuid():
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):
        raise SystemExit("The supervisor has ended.")
    os.execv(command[0], command)  # noqa: S606 - the command is the plan's, no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
