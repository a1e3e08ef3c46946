"""The ingest role's process: acquires stores and callees, works, drains."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import metadata

from lorekeep_chassis import logs, process
from lorekeep_gateway import callees as services
from lorekeep_gateway import pruning, removal
from lorekeep_gateway.bell import Bell, hung
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest.condition import Condition
from lorekeep_gateway.ingest.deliveries import Deliveries, Pace
from lorekeep_gateway.ingest.endings import Endings
from lorekeep_gateway.ingest.flips import Flips
from lorekeep_gateway.ingest.index import Index
from lorekeep_gateway.ingest.janitor import Janitor
from lorekeep_gateway.ingest.orchestrator import Orchestrator
from lorekeep_gateway.ingest.presence import Presence
from lorekeep_gateway.ingest.remote import RemoteParser
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sweeps import Sweeps
from lorekeep_gateway.ingest.worker import Worker
from lorekeep_gateway.outbound.fetching import Outbound
from lorekeep_gateway.reconciliation.upkeep import Upkeep
from lorekeep_gateway.staged_uploads import forget_uploads
from lorekeep_gateway.store.database import Database, connected_by

_LOG = logs.logger(__name__)


class Ingest:
    """The parts of the role, wired."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        callees: Callees,
        settings: IngestSettings,
        bell: Bell,
        remote: RemoteParser | None = None,
    ) -> None:
        draining = asyncio.Event()
        index = Index(callees.search, settings)
        self.flips = Flips(database, index, settings.lease_seconds / 6, settings.retry_seconds, bell)
        self.sweeps = Sweeps(database, index, settings.sweep_after_seconds)
        endings = Endings(database, self.sweeps, settings, bell)
        orchestrator = Orchestrator(database, blobs, callees, settings, self.flips, draining, remote)
        self.worker = Worker(database, orchestrator, endings, settings, draining, bell)
        self.presence = Presence(database, self.worker, settings.job_concurrency, _version())
        self.janitor = Janitor(database, self.flips, self.sweeps, settings, bell)


@asynccontextmanager
async def serve(settings: IngestSettings, life: process.Life) -> AsyncIterator[None]:
    """Works on jobs inside; a loop that ends by itself ends the process, for its supervisor to start anew."""
    async with (
        connected_by(settings) as database,
        services.opened(settings) as callees,
        hung(settings.redis_url.get_secret_value() if settings.redis_url else None) as bell,
        Outbound.opened(settings) as outbound,
        RemoteParser.opened(settings) as remote,
    ):
        blobs = Blobs(settings.blobs_url)
        ingest = Ingest(database, blobs, callees, settings, bell, remote)
        ingest.janitor.add("pruning", lambda: pruning.prune(database, blobs))
        ingest.janitor.add("removal", lambda: removal.sweep(database, blobs, callees))
        for name, chore in Upkeep(database, blobs, callees, settings.scrub_bytes).chores().items():
            ingest.janitor.add(name, chore)
        ingest.janitor.add("uploads", lambda: forget_uploads(database, blobs))
        deliveries = Deliveries(database, outbound, Pace(poll_seconds=settings.poll_seconds))
        ingest.janitor.add("deliveries", deliveries.tidy)
        condition = Condition(life.health, database, blobs, callees, ingest.worker, deliveries)
        working = (ingest.worker, ingest.janitor, ingest.presence, deliveries, condition)
        loops = [asyncio.create_task(each.run()) for each in working]
        for loop in loops:
            loop.add_done_callback(lambda ended: _end_with(ended, life))
        try:
            yield
        finally:
            await asyncio.gather(ingest.worker.drain(), deliveries.drain(settings.drain_seconds))
            for loop in loops:
                loop.cancel()
                with suppress(asyncio.CancelledError):
                    await loop
            await ingest.presence.left()


def _end_with(loop: "asyncio.Task[None]", life: process.Life) -> None:
    if not loop.cancelled() and loop.exception() is not None:
        _LOG.critical("a loop of the role died", exc_info=loop.exception())
        life.ending.set()


def main() -> None:
    """Runs the role until it is told to end."""
    process.run("ingest", _version(), IngestSettings, serve)


def _version() -> str:
    try:
        return metadata.version("lorekeep-gateway")
    except metadata.PackageNotFoundError:
        return "0.0.0"
