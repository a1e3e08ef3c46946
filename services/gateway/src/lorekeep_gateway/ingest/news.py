"""Tells whoever looks at a job that something of it changed, a few times a second at most."""

import asyncio

from lorekeep_gateway.bell import Bell

_PAUSE_SECONDS = 0.25


class News:
    """The news of one job that is worked on. `changed` may be called inside a transaction: the bell rings a moment
    later, when it has most likely ended; the bell of the job's end is rung behind its transaction."""

    def __init__(self, bell: Bell, job_id: str) -> None:
        self._bell = bell
        self._job_id = job_id
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Notes that there is something to see."""
        self._changed.set()

    async def run(self) -> None:
        """Rings, for ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_PAUSE_SECONDS)
            self._changed.clear()
            await self._bell.ring(self._job_id)
