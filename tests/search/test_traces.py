"""One trace from the caller through search to the embedder and the index, as a collector receives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.search import samples
from tests.search.suite import FakeEmbedder, SearchProcess, embedding

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collecting(spans: list[Span]) -> Iterator[str]:
    """A collector on a real socket; gives its endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scoped in resource.scope_spans:
                    spans.extend(scoped.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def parents(spans: list[Span]) -> set[tuple[str, str]]:
    """Pairs of a span's name and its parent's, within the test's trace."""
    names = {each.span_id: each.name for each in spans if each.trace_id.hex() == TRACE}
    names[bytes.fromhex(PARENT)] = "test"
    own = [each for each in spans if each.trace_id.hex() == TRACE]
    return {(each.name, names.get(each.parent_span_id, "?")) for each in own}


async def test_a_search_is_one_trace_through_embedder_and_index(tmp_path: Path) -> None:
    space, spans = samples.space("fp"), list[Span]()
    with collecting(spans) as endpoint:
        async with (
            embedding(FakeEmbedder("fp")) as port,
            SearchProcess(tmp_path, port, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as role,
        ):
            await role.ready()
            with tracing.continued({"traceparent": f"00-{TRACE}-{PARENT}-01"}):
                await role.call("Prepare", search_pb2.PrepareRequest(space=space))
                await role.call("Upsert", samples.upsert(space, [samples.chunk("duck")]))
                await role.call("Search", samples.search(space, "duck"))
    search, upsert = "lorekeep.search.v1.SearchService/Search", "lorekeep.search.v1.SearchService/Upsert"
    found = parents(spans)
    assert ("embed", search) in found
    assert ("lorekeep.embedder.v1.EmbedderService/Embed", "embed") in found
    assert ("index.query", search) in found
    assert ("index.upsert", upsert) in found
