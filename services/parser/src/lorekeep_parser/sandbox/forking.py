"""A fork server as the gRPC process sees it: started, watched, started again; and the children it forks."""

import asyncio
import itertools
import json
import socket
import sys
from contextlib import suppress

from lorekeep_chassis import logs
from lorekeep_chassis.errors import Unavailable
from lorekeep_parser.sandbox import preload

_LOG = logs.logger(__name__)
_MESSAGE_BYTES = 4096
_BACKOFF_SECONDS = (0.2, 1.0, 5.0, 15.0)
_STREAM_BUFFER_BYTES = 256 * 1024
_SEND_BUFFER_BYTES = 256 * 1024


class Child:
    """A forked child: its stream, its pid, and its end. `exit_code` is below 0 for a signal; None: lost."""

    def __init__(self, job: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.job = job
        self.reader = reader
        self.writer = writer
        self.pid = 0
        self.exit_code: int | None = None
        self.forked = asyncio.Event()
        self.ended = asyncio.Event()


class ForkServer:
    """Runs a fork server, "light" or "heavy". `components` is what it said of itself; `ready` is set while it can
    fork; `changed` is set when either changes."""

    def __init__(self, weight: str, changed: asyncio.Event) -> None:
        self.ready = asyncio.Event()
        self.components: dict[str, dict[str, str]] = {}
        self.changed = changed
        self._weight = weight
        self._control: socket.socket | None = None
        self._children: dict[int, Child] = {}
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Keeps the fork server alive until cancelled."""
        for failures in itertools.count():
            try:
                await self._live()
            finally:
                self._lose()
            _LOG.warning("the %s fork server ended and is started again", self._weight)
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])

    async def _live(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with ours:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "lorekeep_parser.sandbox.fork_server", str(theirs.fileno()),
                    self._weight, pass_fds=(theirs.fileno(),), env=preload.environment(), start_new_session=True,
                    stdin=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
            try:
                self._control = ours
                await self._listen(ours)
            finally:
                ours.close()
                await self._ended(process)

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        """The closed socket ends it; a signal does where it hangs."""
        try:
            await asyncio.wait_for(process.wait(), 2)
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()

    async def _listen(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(control, _MESSAGE_BYTES):
            message = json.loads(data)
            if "ready" in message:
                self.components = message["ready"]
                self.ready.set()
                self.changed.set()
            else:
                self._heard(message)

    def _heard(self, message: dict[str, int]) -> None:
        child = self._children.get(message["id"])
        if child and "pid" in message:
            child.pid = message["pid"]
            child.forked.set()
        elif child:
            child.exit_code = message["exit"]
            child.ended.set()
            del self._children[child.job]

    def _lose(self) -> None:
        """The children of a dead fork server are dead: the kernel kills them with it."""
        self._control = None
        self.ready.clear()
        self.changed.set()
        for child in self._children.values():
            child.ended.set()
        self._children.clear()

    def checked(self) -> socket.socket:
        """The socket of a fork server that is up; Unavailable where it is not."""
        if self._control is None or not self.ready.is_set():
            raise Unavailable("The parser is starting. Try again shortly.", retry_after_seconds=2.0)
        return self._control

    async def up(self, within_seconds: float) -> None:
        """Waits until it can fork; Unavailable where that takes longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self.ready.wait()
        self.checked()

    async def fork(self, tokenizer: str) -> Child:
        """A new child that counts with `tokenizer`, a file, waiting for its job; Unavailable while the fork server is
        not up."""
        control = self.checked()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_STREAM_BUFFER_BYTES)
        child = Child(next(self._numbers), reader, writer)
        self._children[child.job] = child
        with theirs:
            # A message is smaller than the socket's buffer by far, and the fork server always reads: no wait.
            socket.send_fds(
                control, [json.dumps({"fork": child.job, "tokenizer": tokenizer}).encode()], [theirs.fileno()]
            )
        return child

    async def end(self, child: Child) -> None:
        """Kills the child's whole group where it lives, waits until it is gone, releases its stream."""
        if not child.ended.is_set() and self._control is not None:
            self._control.send(json.dumps({"kill": child.job}).encode())
        child.writer.close()
        await child.ended.wait()
