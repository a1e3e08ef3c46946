"""The outermost layer: span, metrics, request id and the headers that name them."""

import re
from time import perf_counter
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import Gauge
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lorekeep_chassis import logs, metrics, tracing
from lorekeep_gateway.http.errors import unexpected

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACE_HEADERS = ("traceparent", "tracestate")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_PROBES = ("/health", "/api/health", "/up")
_ACCESS = logs.logger("access")
TIMINGS = "lorekeep.timings"
WAITED = "lorekeep.waited"
STREAMS = Gauge("http_streams_open", "Event streams that are open.")


class Telemetry:
    """Runs each request in a server span named by its route's template, and answers for what nothing foresaw."""

    def __init__(self, app: ASGIApp, *, access_log: bool) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        carrier = {name: headers[name] for name in _TRACE_HEADERS if name in headers}
        request_id = headers.get("x-request-id", "")
        token = logs.REQUEST_ID.set(request_id if _REQUEST_ID.fullmatch(request_id) else uuid4().hex)
        try:
            with (
                tracing.continued(carrier),
                tracing.span(_method(scope), kind=SpanKind.SERVER) as span,
            ):
                answer = _Answer(self._app, scope, send, span)
                await answer.run(receive)
                if self._access_log:
                    answer.log()
        finally:
            logs.REQUEST_ID.reset(token)


class _Answer:
    """One answer under way.

    It took the time until it was whole, less what the caller had asked it to wait (`WAITED` in the scope); a stream
    has been answered once it begins, and is counted as open from then on.
    """

    def __init__(self, app: ASGIApp, scope: Scope, send: Send, span: trace.Span) -> None:
        self._app, self._scope, self._send, self._span = app, scope, send, span
        self._begin = perf_counter()
        self._status = 0
        self._seconds: float | None = None
        scope[TIMINGS] = []

    async def run(self, receive: Receive) -> None:
        metrics.HTTP_IN_FLIGHT.inc()
        try:
            await self._app(self._scope, receive, self.send)
        except Exception as error:  # noqa: BLE001 - the edge: everything becomes a typed answer
            self._span.set_attribute("error.type", type(error).__name__)
            answer = unexpected(error, f"{_method(self._scope)} {self._route}")
            if not self._status:
                await answer(self._scope, receive, self.send)
        finally:
            (metrics.HTTP_IN_FLIGHT if self._seconds is None else STREAMS).dec()
            self._measure()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/event-stream"):
                self._streams()
            headers["X-Request-ID"] = logs.REQUEST_ID.get()
            headers["Server-Timing"] = self._timing()
            traceparent = tracing.carrier().get("traceparent")
            if traceparent:
                headers["traceparent"] = traceparent
        await self._send(message)

    def _streams(self) -> None:
        self._seconds = self._took()
        metrics.HTTP_IN_FLIGHT.dec()
        STREAMS.inc()

    def _took(self) -> float:
        waited: float = self._scope.get(WAITED, 0.0)
        return max(0.0, perf_counter() - self._begin - waited)

    @property
    def _route(self) -> str:
        """The template of the route, so that labels are bounded."""
        route = self._scope.get("route")
        return str(getattr(route, "path_format", "") or getattr(route, "path", "") or "unknown")

    def _timing(self) -> str:
        stages = [*self._scope[TIMINGS], ("total", (perf_counter() - self._begin) * 1000)]
        return ", ".join(f"{name};dur={duration_ms:.1f}" for name, duration_ms in stages)

    def log(self) -> None:
        """One line by template, never by path: ids may be the caller's own words."""
        if not self._route.startswith(_PROBES):
            facts = {"status": self._status, "duration_ms": round((perf_counter() - self._begin) * 1000, 1)}
            _ACCESS.info("%s %s", _method(self._scope), self._route, extra={"lorekeep": facts})

    def _measure(self) -> None:
        method, route, status = _method(self._scope), self._route, self._status or 499
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        )
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        metrics.HTTP_REQUESTS.labels(method, route, str(status)).inc(1, metrics.exemplar())
        seconds = self._took() if self._seconds is None else self._seconds
        metrics.HTTP_SECONDS.labels(method, route).observe(seconds, metrics.exemplar())


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"
