"""Jobs that somebody follows, looked at together: one look a second for all followers of a process, sooner by the bell.

Waiting holds no connection, and however many follow one job, it is read once for each change.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from starlette.types import Receive

from lorekeep_chassis import errors, logs
from lorekeep_gateway.bell import Bell, heard
from lorekeep_gateway.http import job_views
from lorekeep_gateway.http.schemas import jobs as shapes
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Database

HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 1.0
_LONGEST_SECONDS = 900.0  # a key that was revoked loses its streams at the latest then
_LOG = logs.logger(__name__)


@dataclass(frozen=True)
class State:
    """A job at one revision, as JSON."""

    revision: int
    ended: bool
    text: str


@dataclass
class Followed:
    """One job: its state at the last look, None before the first; `gone` once it cannot be seen."""

    organisation_id: str
    workspace_id: str
    id: str
    state: State | None = None
    gone: bool = False
    followers: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more is to come, unless the job is retried."""
        return self.gone or (self.state is not None and self.state.ended)

    @property
    def news(self) -> asyncio.Event:
        """Set at the next change; take it before looking, so that no change falls between."""
        return self._news

    def seen(self, job: shapes.Job) -> None:
        """Takes in what the job has become."""
        self.state = State(job.revision, job.ended, job.model_dump_json())
        self.tell()

    def tell(self) -> None:
        """Wakes all followers."""
        news, self._news = self._news, asyncio.Event()
        news.set()


class Watch:
    """Looks at followed jobs. Once it has `ended`, followers go elsewhere."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._followed: dict[str, Followed] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._rung: set[str] = set()
        self._due = asyncio.Event()
        self.ended = False

    @contextmanager
    def following(self, principal: Principal, job_id: str) -> Iterator[Followed]:
        """The job's state, kept fresh while inside. Whether the principal may see the job is the caller's to ask."""
        followed = self._followed.get(job_id)
        if followed is None:
            followed = Followed(principal.organisation_id, principal.workspace_id, job_id)
            self._followed[job_id] = followed
            self._listening[job_id] = asyncio.create_task(self._listen(job_id))
            self._ring(job_id)
        followed.followers += 1
        try:
            yield followed
        finally:
            followed.followers -= 1
            if not followed.followers:
                del self._followed[job_id]
                self._listening.pop(job_id).cancel()

    def end(self) -> None:
        """Sends all followers away; the process drains."""
        self.ended = True
        for each in self._followed.values():
            each.tell()

    async def run(self) -> None:
        """Looks, for ever: at all jobs once a second, in between at those whose bell rang."""
        at = monotonic()
        while True:
            await heard(self._due, max(0.0, at - monotonic()))
            rung, self._rung = self._rung, set()
            if monotonic() >= at:
                rung, at = set(self._followed), monotonic() + _LOOK_SECONDS
            try:
                await self._look([each for name, each in self._followed.items() if name in rung])
            except errors.Unavailable:
                _LOG.warning("followed jobs cannot be looked at")
            except Exception:  # the edge of the loop: followers wait for the next round  # noqa: BLE001
                _LOG.exception("a look at followed jobs failed")

    async def _look(self, asked: list[Followed]) -> None:
        if not asked:
            return
        async with self._database.session() as session:
            rows = await session(
                "job_revisions",
                organisation_ids=[each.organisation_id for each in asked],
                ids=[each.id for each in asked],
            )
            revisions = {row["id"]: row["revision"] for row in rows}
            changed: dict[tuple[str, str], dict[str, Followed]] = defaultdict(dict)
            for each in asked:
                if each.id not in revisions:
                    each.gone = True
                    each.tell()
                elif each.state is None or each.state.revision != revisions[each.id]:
                    changed[each.organisation_id, each.workspace_id][each.id] = each
            for (organisation_id, workspace_id), each_of in changed.items():
                owner = {"organisation_id": organisation_id, "workspace_id": workspace_id, "allowed": None}
                for job in await job_views.listed(session, owner, len(each_of), ids=list(each_of)):
                    each_of[job.id].seen(job)

    async def _listen(self, job_id: str) -> None:
        with self._bell.listening(job_id) as rung:
            while True:
                await rung.wait()
                rung.clear()
                self._ring(job_id)

    def _ring(self, job_id: str) -> None:
        self._rung.add(job_id)
        self._due.set()


async def states(
    watch: Watch, followed: Followed, seen: int | None, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncIterator[State | None]:
    """The job's state wherever its revision is not the one `seen`, and None whenever nothing happened for a while.

    Ends when the job is over, and when its followers are to go elsewhere.
    """
    until = monotonic() + _LONGEST_SECONDS
    while not watch.ended and not followed.gone and monotonic() < until:
        news, state = followed.news, followed.state
        if state is not None and state.revision != seen:
            seen = state.revision
            yield state
        elif followed.over:
            return
        elif not await _came(news, heartbeat_seconds):
            yield None


async def unless_gone(receive: Receive, work: Awaitable[None]) -> None:
    """Does `work`, but for no caller that has gone away."""

    async def gone() -> None:
        while not (await receive())["type"].endswith(".disconnect"):
            pass

    tasks = [asyncio.ensure_future(work), asyncio.create_task(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _came(news: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), seconds)
    return news.is_set()


@asynccontextmanager
async def watching(database: Database, bell: Bell) -> AsyncIterator[Watch]:
    """A watch that looks while inside."""
    watch = Watch(database, bell)
    looking = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
