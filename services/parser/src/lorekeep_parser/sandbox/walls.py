"""The walls round a child, put up before it looks at its document, and the report on those that this machine lacks.

Each is tried once when a fork server starts, in a process that is thrown away. One that the machine lacks is left out
from then on and told in health; one that was there and fails for a child after all fails that child.
"""

import json
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from lorekeep_parser.sandbox import child_limits, landlock, readable, seccomp

_ABSENT: dict[str, str] = {}
_READABLE: list[str] = []
_PROBED_CPU_SECONDS = 10.0
_REPORT_BYTES = 64 * 1024
# What is lost where one is missing.
_LOSSES = {
    "seccomp": "sockets and dangerous system calls are not denied",
    "no_new_privs": "programs may gain rights",
    "capabilities": "children keep the rights of root",
}


def put_up(scratch: Path, cpu_seconds: float, tokenizer: str = "") -> None:
    """Puts all walls up round this process. What it writes goes below `scratch`; of what lies beside that it reads
    `tokenizer` alone. OSError where one fails."""
    child_limits.impose(cpu_seconds)
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    for name, wall in _walls(scratch, tokenizer):
        if name not in _ABSENT:
            wall()
    child_limits.be_unseen()


def guard_server() -> None:
    """Keeps children, which run as the same user, from looking into this serving process. Landlock does where it is;
    elsewhere nobody of that user may, the supervisor included, which knows its own by their environment."""
    if not landlock.version():
        child_limits.be_unseen()


def _walls(scratch: Path, tokenizer: str = "") -> tuple[tuple[str, Callable[[], None]], ...]:
    """In the order in which they can be put up: the filter last, since it may deny what the others need."""
    return (
        ("no_new_privs", seccomp.no_new_privileges),
        ("landlock", lambda: landlock.confine(scratch, _readable(scratch, tokenizer))),
        ("capabilities", child_limits.drop_capabilities),
        ("seccomp", seccomp.install),
    )


def _readable(scratch: Path, tokenizer: str) -> list[str]:
    return [*readable.beside(scratch, _READABLE), *([tokenizer] if tokenizer else [])]


def inspected() -> dict[str, str]:
    """Tries the walls in a process of their own; leaves out here, and in what is forked, those that do not stand.
    Gives the component for health."""
    _ABSENT.clear()
    _READABLE[:] = readable.places()
    _ABSENT.update(_tried_apart())
    losses = dict(_LOSSES)
    if landlock.version():
        # Younger than many kernels in use, so its absence is told and not counted; that it fails, is.
        losses["landlock"] = "children write and look where their user may"
    lost = [f"{what}: {_ABSENT[name]}" for name, what in losses.items() if name in _ABSENT]
    if lost:
        return {"status": "degraded", "detail": "; ".join(lost)}
    files = "files are not confined" if "landlock" in _ABSENT else "files are confined to scratch and programs"
    return {"status": "ok", "detail": f"sockets and dangerous system calls are denied; {files}"}


def _tried_apart() -> dict[str, str]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, json.dumps(_tried()).encode()[:_REPORT_BYTES])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as report:
        told = report.read()
    os.waitpid(pid, 0)
    try:
        found: dict[str, str] = json.loads(told)
    except ValueError:
        return dict.fromkeys(_LOSSES, "it could not be tried")
    return found


def _tried() -> dict[str, str]:
    """Why walls do not stand, by name."""
    absent = {}
    child_limits.impose(_PROBED_CPU_SECONDS)
    for name, wall in _walls(Path(tempfile.gettempdir())):
        try:
            wall()
        except OSError as error:
            absent[name] = str(error)
    if "seccomp" not in absent and not _sockets_denied():
        absent["seccomp"] = "the kernel takes the filter and does not keep to it"
    if "capabilities" not in absent and not _own_files_readable():
        absent["capabilities"] = "root needs them here to read the parser's own files; run it as their owner"
    return absent


def _sockets_denied() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except PermissionError:
        return True
    return False


def _own_files_readable() -> bool:
    try:
        Path(__file__).read_bytes()
        Path(os.__file__).read_bytes()
    except OSError:
        return False
    return True
