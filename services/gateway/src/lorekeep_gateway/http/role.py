"""The gateway's process: public HTTP on a socket of its own or on one that it shares."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import monotonic

import uvicorn
from pydantic import SecretStr

from lorekeep_chassis import logs, process
from lorekeep_chassis.process import Life
from lorekeep_gateway import callees, components
from lorekeep_gateway.bell import hung
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.http.app import create_app
from lorekeep_gateway.http.heads import BoundedHeads
from lorekeep_gateway.http.job_watch import watching
from lorekeep_gateway.http.parts import Parts, Turnstile
from lorekeep_gateway.models import Models
from lorekeep_gateway.outbound.fetching import Outbound
from lorekeep_gateway.queue_bound import QueueBound
from lorekeep_gateway.settings import GatewaySettings, is_loopback
from lorekeep_gateway.store.database import connected_by

VERSION = "0.1.0"
_LOG = logs.logger(__name__)
_KEEPALIVE_SECONDS = 5
_REPORT_SECONDS = 2.0
_MOST_UPLOADS = 32
_MOST_FETCHES = 16
# A client of the partition route sends a long PDF in many parts at once.
_MOST_READINGS = 64
_MOST_PREVIEWS = 8


def main() -> None:
    """Runs the gateway until SIGTERM."""
    process.run("gateway", VERSION, GatewaySettings, serve, public_edge=True)


@asynccontextmanager
async def serve(settings: GatewaySettings, life: Life) -> AsyncIterator[None]:
    """Serves while inside; at the end takes no new connection and finishes what is under way."""
    async with opened(settings) as parts:
        server = _Server(settings, parts)
        reporting = asyncio.create_task(_report(parts, life))
        serving = asyncio.create_task(server.serve(sockets=[_listener(settings)]))
        serving.add_done_callback(lambda _: life.ending.set())
        try:
            yield
        finally:
            await server.drain(settings.drain_seconds)
            reporting.cancel()
            with suppress(asyncio.CancelledError):
                await reporting
            await serving


@asynccontextmanager
async def opened(settings: GatewaySettings) -> AsyncIterator[Parts]:
    """The parts of a gateway. Nothing needs to answer yet: what is missing shows in readiness."""
    async with (
        connected_by(settings) as database,
        callees.opened(settings) as stubs,
        hung(_plain(settings.redis_url)) as bell,
        watching(database, bell) as watch,
        Outbound.opened(settings) as outbound,
    ):
        blobs = Blobs(settings.blobs_url)
        yield Parts(
            settings,
            database,
            blobs,
            stubs,
            components.of(database, blobs, stubs, _plain(settings.redis_url)),
            bell,
            Turnstile(settings.max_concurrent_queries, "searches"),
            Turnstile(_MOST_UPLOADS, "uploads"),
            watch,
            Turnstile(settings.max_job_followers, "callers that follow a job"),
            Turnstile(_MOST_FETCHES, "fetches of web pages"),
            Turnstile(_MOST_PREVIEWS, "previews of chunks"),
            Models(stubs.embedder, settings.embedding_model),
            QueueBound(database, settings.queue_limit_jobs),
            outbound,
            Turnstile(_MOST_READINGS, "documents that are read for their callers"),
        )


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, and with an end that resets no connection."""

    def __init__(self, settings: GatewaySettings, parts: Parts) -> None:
        self._draining = False
        self._watch = parts.watch
        super().__init__(
            uvicorn.Config(
                create_app(parts, VERSION, lambda: self._draining),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEPALIVE_SECONDS,
                ws="none",
                http=BoundedHeads,
                timeout_graceful_shutdown=int(settings.drain_seconds),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has the signals; see `process.run`."""
        yield

    async def drain(self, seconds: float) -> None:
        """Accepts no more; connections that were accepted are answered, told to close, and only then closed.

        Who follows a job is sent elsewhere at once, since a job may take longer than the process has.
        """
        self._draining = True
        self._watch.end()
        for each in self.servers if self.started else []:
            each.close()
        until = monotonic() + min(_KEEPALIVE_SECONDS, seconds / 2)
        while self.server_state.connections and monotonic() < until:  # noqa: ASYNC110 - uvicorn keeps a plain set
            await asyncio.sleep(0.05)
        self.should_exit = True


async def _report(parts: Parts, life: Life) -> None:
    """Keeps the process's own probes true."""
    while True:
        life.health.report(await parts.components.states())
        await asyncio.sleep(_REPORT_SECONDS)


def _listener(settings: GatewaySettings) -> socket.socket:
    """The inherited socket, or a new one.

    Opened by its descriptor either way, since only then does it know that it speaks TCP; asyncio switches Nagle's
    algorithm off for such sockets alone, and with it every answer waits 40 ms for an acknowledgement.
    """
    descriptor = settings.listen_fd
    if descriptor < 0:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        descriptor = socket.create_server((settings.host, settings.http_port), family=family, backlog=2048).detach()
    listener = socket.socket(fileno=descriptor)
    host, port = listener.getsockname()[:2]
    if settings.auth == "off" and not is_loopback(host):
        raise SystemExit("LOREKEEP_AUTH=off needs a loopback address, and the socket given listens elsewhere.")
    _LOG.info("listening", extra={"lorekeep": {"host": host, "port": port}})
    return listener


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
