"""A child whose work is to try its walls. `tried` starts one as the parser's children are, by `child.main`; run as a
program, this is the child."""

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lorekeep_chassis.errors import LorekeepError
from lorekeep_parser import failures
from lorekeep_parser.sandbox import child, frames, seccomp, walls
from lorekeep_parser.sandbox.frames import Kind

_CLONE_NEWUSER = 0x10000000


class Told:
    """What a child said, and how it ended."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.error: LorekeepError | None = None
        self.exit_code = 0


def tried(
    probe: str, scratch: Path, command: Sequence[str] = (sys.executable,), path: str = "", lost: str = "", **job: Any
) -> Told:
    """Runs the function of this module of that name behind the walls. `path` is for a Python of another place; `lost`
    takes the kernel's filters away, "before" or "after" the walls are inspected."""
    ours, theirs = socket.socketpair()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path or os.pathsep.join(each for each in sys.path if each)}
    with ours, theirs:
        process = subprocess.Popen(
            [*command, "-m", "tests.parser.probes", str(theirs.fileno()), lost],
            pass_fds=(theirs.fileno(),), env=environment, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        theirs.close()
        job = {"mode": probe, "path": str(scratch), "cpu_seconds": 60} | job
        with ours.makefile("rwb") as stream:
            stream.write(frames.packed(Kind.JOB, json.dumps(job).encode()))
            stream.flush()
            told = _read(stream)
        told.exit_code = process.wait(60)
    return told


def _read(stream: Any) -> Told:
    told = Told()
    with suppress(EOFError, ConnectionResetError):
        while True:
            kind, payload = frames.read(stream)
            if kind is Kind.RESPONSE:
                told.answers.append(json.loads(payload))
            elif kind is Kind.FAILURE:
                told.error = failures.decoded(payload)[0]
            elif kind is Kind.END:
                break
    return told


def _outcome(call: Callable[[], Any]) -> str:
    """`allowed`, or the name of the error."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "allowed"


def _system(number: int, *arguments: int) -> Callable[[], None]:
    def call() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
            raise OSError(ctypes.get_errno(), "")

    return call


def sockets(job: dict[str, Any]) -> Any:
    families = {"inet": socket.AF_INET, "inet6": socket.AF_INET6, "unix": socket.AF_UNIX, "netlink": socket.AF_NETLINK}
    kinds = {
        name: _outcome(lambda each=each: socket.socket(each, socket.SOCK_DGRAM)) for name, each in families.items()
    }
    return kinds | {"pair": _outcome(socket.socketpair)}


def calls(job: dict[str, Any]) -> Any:
    """Calls that do no harm where they are allowed after all. By libc where it has them, so on any machine."""
    libc = ctypes.CDLL(None, use_errno=True)

    def by_name(name: str, *arguments: Any) -> Callable[[], None]:
        def call() -> None:
            if getattr(libc, name)(*arguments) < 0:
                raise OSError(ctypes.get_errno(), "")

        return call

    tries = {
        "ptrace": by_name("ptrace", 16, os.getppid(), 0, 0),
        "process_vm_readv": by_name("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0),
        "mount": by_name("mount", b"none", b"/nowhere", b"tmpfs", 0, 0),
        "unshare": by_name("unshare", _CLONE_NEWUSER),
        "setns": by_name("setns", -1, 0),
        "chroot": lambda: os.chroot("/"),
        "setsid": os.setsid,
        "setpgid": lambda: os.setpgid(0, 0),
        "personality": by_name("personality", 0xFFFFFFFF),
        "shmget": by_name("shmget", 0, 4096, 0o1600),
        "kill_all": lambda: os.kill(-1, 0),
        "limits_of_another": lambda: _prlimit_of(os.getppid()),
        "io_uring_setup": _system(425, 0, 0),
        "pidfd_send_signal": _system(424, -1, 0, 0, 0),
        "clone3": _system(435, 0, 0),
        "priority_of_others": lambda: os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_USER, 0)),
        "scheduling_of_another": lambda: os.sched_setscheduler(os.getppid(), os.SCHED_OTHER, os.sched_param(0)),
        "processors_of_another": lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0)),
        "memory_without_bound": lambda: os.memfd_create("held"),
        "mode_of_a_file": lambda: Path(job["path"]).chmod(0o700),
        "owner_of_a_file": lambda: os.chown(job["path"], -1, -1),
    }
    return {name: _outcome(each) for name, each in tries.items()}


def _prlimit_of(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_NOFILE)


def others(job: dict[str, Any]) -> Any:
    """What it may do to another process, and read of it: `pid`, or the one that made it."""
    other = job.get("pid") or os.getppid()
    return {
        "signal": _outcome(lambda: os.kill(other, 0)),
        "environment": _outcome(lambda: Path(f"/proc/{other}/environ").read_bytes()),
        "memory": _outcome(lambda: Path(f"/proc/{other}/mem").open("rb").close()),
    }


def writing(job: dict[str, Any]) -> Any:
    places = {"scratch": Path(job["path"]) / "own", "outside": Path(job["outside"]), "null": Path(os.devnull)}
    return {name: _outcome(lambda each=each: each.write_text("x")) for name, each in places.items()}


def reading(job: dict[str, Any]) -> Any:
    """What it may read, and whether it may run what it wrote."""
    own = Path(job["path"]) / "own"
    own.write_text("x")
    program = Path(job["path"]) / "program"
    with open(os.open(program, os.O_CREAT | os.O_WRONLY, 0o700), "wb") as file:  # noqa: PTH123
        file.write(Path("/bin/true").read_bytes())
    places = {"own": own, "tokenizer": Path(job["tokenizer"]), "library": Path(os.__file__), **_elsewhere(job)}
    outcomes = {name: _outcome(lambda each=each: each.read_bytes()) for name, each in places.items()}
    folders = {"own_folder": own.parent, "beside_folder": own.parent.parent}
    outcomes |= {name: _outcome(lambda each=each: os.listdir(each)) for name, each in folders.items()}  # noqa: PTH208
    return outcomes | {"program": _outcome(lambda: os.execv(program, ["program"]))}


def _elsewhere(job: dict[str, Any]) -> dict[str, Path]:
    return {name: Path(place) for name, place in job["elsewhere"].items()}


def facts(job: dict[str, Any]) -> Any:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    names = ("AS", "CORE", "CPU", "FSIZE", "NOFILE", "NPROC")
    limits = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names}
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    started = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    return {
        "status": status, "limits": limits, "dumpable": dumpable, "environment": dict(os.environ), "started": started,
    }  # fmt: skip


def memory(job: dict[str, Any]) -> Any:
    held = []
    while True:
        held.append(bytearray(64 * 2**20))


def memory_of_another_program(job: dict[str, Any]) -> Any:
    held = subprocess.run([sys.executable, "-c", "b = bytearray(4 * 2**30)"], capture_output=True, check=False)
    return held.returncode


def spinning(job: dict[str, Any]) -> Any:
    while True:
        pass


def descriptors(job: dict[str, Any]) -> Any:
    held = []
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))


def large_file(job: dict[str, Any]) -> Any:
    with (Path(job["path"]) / "large").open("wb") as file:
        file.truncate(2**30)


def filling(job: dict[str, Any]) -> Any:
    with (Path(job["path"]) / "filling").open("wb", buffering=0) as file:
        while True:
            if file.write(b"x" * 2**16) < 2**16:
                file.write(b"x")


def crash(job: dict[str, Any]) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


def _work(job: dict[str, Any], peer: child.Peer) -> None:
    answer = globals()[str(job["mode"])](job)
    peer.respond(json.dumps(answer).encode())


def health(job: dict[str, Any]) -> Any:
    return _INSPECTED


def _lose_filters() -> None:
    """From now on the kernel refuses filters with EINVAL, as one does that is built without."""
    prctl = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    seccomp.no_new_privileges()
    refuse, allow = (0x06, 0, 0, 0x00050000 | errno.EINVAL), (0x06, 0, 0, 0x7FFF0000)
    seccomp.put([(0x20, 0, 0, 0), (0x15, 0, 3, prctl), (0x20, 0, 0, 16), (0x15, 0, 1, 22), refuse, allow])


_INSPECTED: dict[str, str] = {}

if __name__ == "__main__":
    if sys.argv[2] == "before":
        _lose_filters()
    _INSPECTED |= walls.inspected()
    if sys.argv[2] == "after":
        _lose_filters()
    sys.exit(child.main(int(sys.argv[1]), _work))
