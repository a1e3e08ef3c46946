"""An OTLP receiver in memory: keeps every span that it is sent over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Span:
    """A span as it arrived: ids in hex, `service` from its resource, attributes as text."""

    def __init__(self, service: str, span: object) -> None:
        self.service = service
        self.name: str = span.name  # type: ignore[attr-defined]
        self.span_id: str = span.span_id.hex()  # type: ignore[attr-defined]
        self.parent_id: str = span.parent_span_id.hex()  # type: ignore[attr-defined]
        self.trace_id: str = span.trace_id.hex()  # type: ignore[attr-defined]
        self.linked: set[str] = {each.span_id.hex() for each in span.links}  # type: ignore[attr-defined]
        self.text: str = str(span)

    def __repr__(self) -> str:
        return f"{self.service}:{self.name}"


class Receiver:
    """The spans that came in; `url` is its OTLP endpoint."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._spans: list[Span] = []
        self._lock = Lock()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in request.resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    self._spans += [Span(names.get("service.name", ""), each) for each in scope.spans]

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of one trace that have come so far."""
        with self._lock:
            return [each for each in self._spans if each.trace_id == trace_id]

    def all(self) -> list[Span]:
        """Every span that has come so far."""
        with self._lock:
            return list(self._spans)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listens on a free loopback port inside."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
