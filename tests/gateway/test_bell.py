"""The bell: heard here, heard in other processes through a real Redis, and harmless where there is none."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from subprocess import Popen

import pytest

from lorekeep_chassis.suite import redis as embedded
from lorekeep_gateway.bell import Bell, heard, hung

LONG = 30.0


class _Redis:
    """A server that can be started and killed."""

    def __init__(self, folder: Path) -> None:
        found = embedded.program() or shutil.which("redis-server")
        if found is None:
            pytest.skip("there is no Redis for this machine")
        self._folder, self._program = folder, str(found)
        self._process: Popen[bytes] | None = None
        self.url = f"unix://{folder}/redis.sock"

    def start(self) -> None:
        command = [self._program, "--port", "0", "--unixsocket", str(self._folder / "redis.sock"), "--save", ""]
        self._process = Popen(command, cwd=self._folder)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


async def _eventually(attempt: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(400):
        if await attempt():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not so in time")


async def _carried(near: Bell, far: Bell) -> bool:
    """Whether what one rings is heard by the other; the subscription may not be there yet."""
    with far.listening("job_a") as event:
        event.clear()
        await near.ring("job_a")
        try:
            await asyncio.wait_for(event.wait(), 0.2)
        except TimeoutError:
            return False
        return True


async def _heard_here(bell: Bell) -> None:
    with bell.listening("job_b") as event:
        await bell.ring("job_b")
        assert event.is_set()


async def test_a_ring_wakes_who_waits_for_its_topic_and_nobody_else() -> None:
    bell = Bell(None)
    with bell.listening("job_a") as mine, bell.listening("job_b") as other:
        await bell.ring("job_a")
        await asyncio.wait_for(heard(mine, LONG), 5)
        assert not mine.is_set() and not other.is_set()
    await bell.ring("job_a")
    assert not mine.is_set()


async def test_a_ring_is_heard_in_another_process_also_after_redis_was_killed(tmp_path: Path) -> None:
    server = _Redis(tmp_path)
    server.start()
    try:
        async with hung(server.url) as near, hung(server.url) as far:
            await _eventually(lambda: _carried(near, far))
            server.kill()
            await _heard_here(near)
            server.start()
            await _eventually(lambda: _carried(near, far))
    finally:
        server.kill()


async def test_a_redis_that_is_away_hinders_nothing(tmp_path: Path) -> None:
    async with hung(f"unix://{tmp_path}/nobody.sock") as bell:
        await _heard_here(bell)
