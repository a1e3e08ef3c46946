"""The metrics and probe listener of every role: /metrics, /health, /health/live, /health/ready.

It runs in a thread of its own, so that it answers while the event loop is busy, and says so when the loop is dead:
liveness fails once the loop has not come round for ten seconds.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

_LOOP_DEAD_SECONDS = 10.0
_BEAT_SECONDS = 1.0

Component = dict[str, str]


class Health:
    """How a role is. `components` maps each dependency to `{"status": "ok"|"degraded"|"failed", "detail": ...}`."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._beat = time.monotonic()
        self._draining = False
        self._reported: dict[str, Component] = {"start": {"status": "failed", "detail": "starting"}}
        self._losable: dict[str, Component] = {}

    def report(self, components: dict[str, Component]) -> None:
        """Replaces what is known of the components, but for losable ones."""
        self._reported = components

    def report_losable(self, name: str, component: Component) -> None:
        """Replaces what is known of one component that the role can do without, whatever else is reported."""
        self._losable = self._losable | {name: component}

    @property
    def _components(self) -> dict[str, Component]:
        return self._reported | self._losable

    def drain(self) -> None:
        """Not ready from now on."""
        self._draining = True

    @property
    def ready(self) -> bool:
        """Whether work may be sent here; a degraded component does not stand in the way."""
        return not self._draining and all(each["status"] != "failed" for each in self._components.values())

    @property
    def alive(self) -> bool:
        """Whether the event loop has come round lately."""
        return time.monotonic() - self._beat < _LOOP_DEAD_SECONDS

    async def beat(self) -> None:
        """Runs for ever on the event loop and shows that it turns."""
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    def health(self) -> tuple[int, dict[str, object]]:
        """Body of /health: needs no dependency."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return 200, {"status": "healthy", "version": self._version, "timestamp": now}

    def live(self) -> tuple[int, dict[str, object]]:
        """Body of /health/live."""
        return (200, {"status": "alive"}) if self.alive else (503, {"status": "dead"})

    def readiness(self) -> tuple[int, dict[str, object]]:
        """Body of /health/ready."""
        if self._draining:
            return 503, {"status": "draining", "components": self._components}
        degraded = any(each["status"] == "degraded" for each in self._components.values())
        status = "ready" if self.ready else "not_ready"
        body: dict[str, object] = {"status": status, "degraded": degraded, "components": self._components}
        return (200 if self.ready else 503), body


@contextmanager
def listening(health: Health, host: str, port: int, *, metrics: bool = True) -> Iterator[int]:
    """Serves metrics and probes inside; gives the port, chosen by the system for 0."""
    server = make_server(host, port, _application(health, metrics), server_class=_Server, handler_class=_QuietHandler)
    thread = Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)


def _application(health: Health, with_metrics: bool) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    exposition = make_wsgi_app()
    answers = {"/health": health.health, "/health/live": health.live, "/health/ready": health.readiness}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics" and with_metrics:
            metrics: Iterable[bytes] = exposition(environ, start_response)
            return metrics
        answer = answers.get(path)
        code, body = answer() if answer else (404, {"status": "not_found"})
        start_response(f"{code} {'OK' if code == 200 else 'Unavailable'}", [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    return application


class _Server(WSGIServer):
    allow_reuse_address = True
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:
        """Probes are not logged."""
