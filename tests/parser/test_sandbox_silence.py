"""A child that falls silent is given up; one that waits, or gives signs of life, is not."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.parser.parser_process import alive, running

from lorekeep_chassis.errors import DeadlineExceeded, InvalidInput
from lorekeep_parser import failures
from lorekeep_parser.sandbox import frames, heartbeat
from lorekeep_parser.sandbox.children import Work
from lorekeep_parser.sandbox.forking import Child
from lorekeep_parser.sandbox.frames import Kind
from lorekeep_parser.sandbox.needs import Need

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SILENCE_SECONDS = 2.0


class _Played:
    """A child that the test plays."""

    def __init__(self, child: Child, stream: asyncio.StreamWriter) -> None:
        self.work = Work(child, _SILENCE_SECONDS)
        self._child = child
        self._stream = stream

    def says(self, kind: Kind, payload: bytes = b"") -> None:
        self._stream.write(frames.packed(kind, payload))

    def ends(self, exit_code: int) -> None:
        self._child.exit_code = exit_code
        self._child.ended.set()

    async def all(self) -> list[bytes]:
        return [each async for each in self.work.responses()]


@pytest_asyncio.fixture(loop_scope="session")
async def played() -> AsyncIterator[_Played]:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    _, stream = await asyncio.open_unix_connection(sock=theirs)
    yield _Played(Child(1, reader, writer), stream)
    for each in (writer, stream):
        each.close()


async def test_silence_ends_it(played: _Played) -> None:
    played.says(Kind.RESPONSE, b"a")
    with pytest.raises(DeadlineExceeded) as caught:
        await played.all()
    assert caught.value.reason == "parse_timeout"


async def test_signs_of_life_do_not(played: _Played) -> None:
    reading = asyncio.create_task(played.all())
    for _ in range(12):
        await asyncio.sleep(_SILENCE_SECONDS / 8)
        played.says(Kind.BEAT)
    played.says(Kind.RESPONSE, b"a")
    played.says(Kind.END)
    assert await reading == [b"a"]


@pytest.mark.parametrize(
    ("kind", "payload"), [(Kind.BEAT, b""), (Kind.WAITING, frames.counted(0)), (Kind.BEAT, b"x" * 1000)]
)
async def test_signs_of_life_without_end(played: _Played, kind: Kind, payload: bytes) -> None:
    for _ in range(1000):
        played.says(kind, payload)
    played.ends(0)
    with pytest.raises(InvalidInput) as caught:
        await played.all()
    assert caught.value.reason == "parser_crashed"


async def test_nor_does_waiting_for_more(played: _Played) -> None:
    await played.work.send(Kind.JOB)
    played.says(Kind.WAITING, frames.counted(1))
    reading = asyncio.create_task(played.all())
    await asyncio.sleep(_SILENCE_SECONDS * 1.5)
    assert not reading.done()
    await played.work.send(Kind.REQUEST, b"more")
    with pytest.raises(DeadlineExceeded):
        await reading


async def test_it_waits_for_nothing_while_something_is_on_its_way(played: _Played) -> None:
    for _ in range(2):
        await played.work.send(Kind.REQUEST, b"more")
    played.says(Kind.WAITING, frames.counted(1))
    with pytest.raises(DeadlineExceeded):
        await played.all()


@pytest.mark.parametrize("payload", [b"{}x", b"[1]", b'["a palace"]', b"7", b"\xff", b"[" * 2**20])
async def test_wishes_that_are_none(played: _Played, payload: bytes) -> None:
    played.says(Kind.ELSEWHERE, payload)
    with pytest.raises(InvalidInput):
        await played.work.wanted()


async def test_what_a_child_lacks(played: _Played) -> None:
    played.says(Kind.BEAT)
    played.says(Kind.ELSEWHERE, json.dumps(["unstructured"]).encode())
    assert await played.work.wanted() == {Need.UNSTRUCTURED}


async def test_the_first_answer_is_kept(played: _Played) -> None:
    for each in (b"a", b"b"):
        played.says(Kind.RESPONSE, each)
    played.says(Kind.END)
    assert await played.work.wanted() == frozenset()
    assert await played.all() == [b"a", b"b"]


async def test_a_wish_in_the_middle_is_a_crash(played: _Played) -> None:
    played.says(Kind.RESPONSE, b"a")
    played.says(Kind.ELSEWHERE, b"[]")
    with pytest.raises(InvalidInput) as caught:
        await played.all()
    assert caught.value.reason == failures.crashed().reason


async def test_beats_are_told_now_and_then() -> None:
    told: list[None] = []
    heartbeat.heard_by(lambda: told.append(None))
    heartbeat.beat()
    assert not told
    await asyncio.sleep(heartbeat.EVERY_SECONDS)
    heartbeat.beat()
    heartbeat.beat()
    assert len(told) == 1


async def test_a_child_that_stands_still(tmp_path: Path) -> None:
    async with running(tmp_path, LOREKEEP_SILENCE_SECONDS="1") as (process, client):
        data = b"The keeper of the lamp climbed the stairs again. " * 200_000
        call = asyncio.create_task(client.parse(data, "long.txt"))
        pid = await process.one_forked()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DeadlineExceeded) as caught:
            await call
        assert caught.value.reason == "parse_timeout"
        assert not alive(pid)
        assert (await client.parse(b"And on.", "a.txt")).chunks
