"""The life of a child: walls, one job, one end. Its standard streams lead nowhere, since libraries print."""

import json
import os
import socket
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from lorekeep_chassis.errors import InvalidInput, LorekeepError
from lorekeep_parser import failures, reading
from lorekeep_parser.sandbox import frames, heartbeat, needs, walls
from lorekeep_parser.sandbox.frames import Kind

_MOST_WAITING = 65_536
_MOST_WAITING_BYTES = 64 * 2**20


class Peer:
    """The gRPC process, as the child sees it. Writing blocks while it does not read: that is the back-pressure."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._taken = 0
        self._waiting: deque[tuple[Kind, bytes]] = deque()
        self._waiting_bytes = 0
        self._ends = 0

    def _next(self) -> tuple[Kind, bytes]:
        """The next frame. To wait for one is no silence of the child's, so it tells of it before. The first END ends
        the segments, the second all that the caller sends."""
        self._send(Kind.WAITING, frames.counted(self._taken))
        kind, payload = frames.read(self._reader)
        self._taken += 1
        self._ends += kind is Kind.END
        return kind, payload

    def _send(self, kind: Kind, payload: bytes = b"") -> None:
        self._writer.write(frames.packed(kind, payload))
        self._writer.flush()

    def job(self) -> dict[str, object]:
        """What to do."""
        _, payload = frames.read(self._reader)
        self._taken += 1
        job: dict[str, object] = json.loads(payload)
        return job

    def request(self) -> bytes | None:
        """The next segment to chunk; None when there are no more."""
        if not self._waiting:
            kind, payload = self._next()
        else:
            kind, payload = self._waiting.popleft()
            self._waiting_bytes -= len(payload)
        return payload if kind is Kind.REQUEST else None

    def vectors(self) -> bytes:
        """The vectors that were asked for. Segments that were on their way already, and their end, are kept for
        `request`."""
        while True:
            kind, payload = self._next()
            if kind is Kind.VECTORS:
                return payload
            self._waiting.append((kind, payload))
            self._waiting_bytes += len(payload)
            if self._ends > 1 or self._waiting_bytes > _MOST_WAITING_BYTES or len(self._waiting) > _MOST_WAITING:
                raise InvalidInput("`vectors_required` must be answered with `vectors` before anything else.")

    def respond(self, message: bytes) -> None:
        """Sends a response message."""
        self._send(Kind.RESPONSE, message)

    def beat(self) -> None:
        """A sign of life."""
        self._send(Kind.BEAT)

    def end(self, kind: Kind, payload: bytes = b"") -> None:
        """Sends the last frame."""
        self._send(kind, payload)


Worker = Callable[[dict[str, object], Peer], None]


def main(descriptor: int, work: Worker = reading.work) -> int:
    """Does the one job that comes over the socket; gives the exit code."""
    _silence()
    with socket.socket(fileno=descriptor) as channel:
        peer = Peer(channel.makefile("rb"), channel.makefile("wb"))
        try:
            job = peer.job()
            _settle(job, peer)
            work(job, peer)
            peer.end(Kind.END)
        except (BrokenPipeError, ConnectionResetError, EOFError):
            return 1
        except needs.ElsewhereError as error:
            peer.end(Kind.ELSEWHERE, json.dumps(sorted(error.needs)).encode())
        except MemoryError:
            # The frames of the traceback hold what filled the memory; they are gone only after this block.
            peer.end(Kind.FAILURE, failures.encoded(failures.out_of_memory(), "MemoryError"))
        except LorekeepError as error:
            peer.end(Kind.FAILURE, failures.encoded(error, _where(error)))
        except OSError as error:
            peer.end(Kind.FAILURE, failures.encoded(failures.of_system(error), _where(error)))
        except Exception as error:  # noqa: BLE001 - the child's edge: everything becomes a typed error
            peer.end(Kind.FAILURE, failures.encoded(failures.crashed(), _where(error)))
    return 0


def _settle(job: dict[str, Any], peer: Peer) -> None:
    """Walls up, before a byte of the document is looked at."""
    path = Path(job["path"])
    scratch = path if path.is_dir() else path.parent
    try:
        tokenizer = str(job.get("tokenizer") or "")
        walls.put_up(scratch, float(job["cpu_seconds"]), tokenizer)
    except OSError as error:
        raise failures.sandbox_failed() from error
    needs.have(map(needs.Need, job.get("needs", ())))
    heartbeat.heard_by(peer.beat)


def _where(error: BaseException) -> str:
    """Places in the code, never the message, which may quote the document."""
    cause = error.__cause__ or error
    places = traceback.extract_tb(cause.__traceback__)[-4:]
    names = [f"{each.filename.rsplit('/', 1)[-1]}:{each.lineno}" for each in places]
    return f"{type(cause).__name__} at {' > '.join(names)}"


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
