"""A fork server: one thread, readers imported, one fork per document. Started by `forking.ForkServer`, in one of two
weights: a light one that is there at once, and a heavy one with `unstructured`.

It speaks over a SOCK_SEQPACKET socket given as a descriptor number. Towards it: `{"fork": id, "tokenizer": path}` with
the child's end of a stream socket, `{"kill": id}`. From it: `{"ready": components}`, `{"pid": pid, "id": id}`,
`{"exit": status, "id": id}`. When the socket closes it kills its children and ends.
"""

import json
import os
import resource
import select
import signal
import socket
import sys

from lorekeep_parser.chunking import tokenizer_rack
from lorekeep_parser.sandbox import child_limits, preload, walls

_MESSAGE_BYTES = 4096


class _Children:
    """The children that live: id of the job by pid."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._job_of_pid: dict[int, int] = {}

    def fork(self, job: int, descriptor: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._be_child(descriptor)
        _own_group(pid)
        os.close(descriptor)
        self._job_of_pid[pid] = job
        _send(self._control, {"pid": pid, "id": job})

    def _be_child(self, descriptor: int) -> None:
        """Never returns. The child keeps nothing of the fork server: not its socket, not its signal handling."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _own_group(0)
            _keep_alone(descriptor)
            from lorekeep_parser.sandbox import child

            code = child.main(descriptor)
        finally:
            os._exit(code)

    def kill(self, job: int) -> None:
        for pid, each in self._job_of_pid.items():
            if each == job:
                _kill_group(pid)

    def kill_all(self) -> None:
        for pid in self._job_of_pid:
            _kill_group(pid)

    def reap(self) -> None:
        """Tells of children that ended. The group is killed before the leader is reaped, while its id is still ours."""
        for pid, job in list(self._job_of_pid.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            del self._job_of_pid[pid]
            _send(self._control, {"exit": os.waitstatus_to_exitcode(status), "id": job})


def _keep_alone(descriptor: int) -> None:
    """Closes all but the standard streams and `descriptor`."""
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 2**20)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, most)


def _own_group(pid: int) -> None:
    """Done by both sides, so that the group exists whoever runs first."""
    try:
        os.setpgid(pid, pid)
    except (ProcessLookupError, PermissionError):
        return


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _send(control: socket.socket, message: dict[str, object]) -> None:
    control.send(json.dumps(message).encode())


def _wakeups() -> int:
    """A descriptor that turns readable when a child ends."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _drain(descriptor: int) -> None:
    try:
        os.read(descriptor, _MESSAGE_BYTES)
    except BlockingIOError:
        return


def _obey(control: socket.socket, children: _Children) -> bool:
    """One message; False when there will be no more."""
    data, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 1)
    if not data:
        return False
    message = json.loads(data)
    if "fork" in message:
        tokenizer_rack.hold(message["tokenizer"])
        children.fork(message["fork"], descriptors[0])
    else:
        children.kill(message["kill"])
    return True


def main(descriptor: int, weight: str) -> None:
    """Serves until the socket closes."""
    child_limits.die_with_parent()
    walls.guard_server()
    control = socket.socket(fileno=descriptor)
    wakeup = _wakeups()
    components = preload.load_heavy() if weight == "heavy" else preload.load_light()
    components |= {"sandbox": walls.inspected()}
    children = _Children(control)
    try:
        _send(control, {"ready": components})
        serving = True
        while serving:
            ready = select.select([control.fileno(), wakeup], [], [])[0]
            if wakeup in ready:
                _drain(wakeup)
                children.reap()
            if control.fileno() in ready:
                serving = _obey(control, children)
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        children.kill_all()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
