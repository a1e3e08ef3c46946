"""How an embedder ends, and what a batch looks like in a trace."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lorekeep_chassis import calls
from tests.embedder.processes import EmbedderProcess, embed, running, stub_of

PASSAGE = "A passage about gardens, soil and the weather, with many plain words. " * 12


async def _served(embedder: EmbedderProcess) -> int:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{embedder.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="lorekeep.embedder.v1.EmbedderService")
        status: int = (await stub.Check(request, timeout=10)).status
        return status


def _taken(embedder: EmbedderProcess, tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Returns once all calls are in the embedder's hands; none may have been answered before."""
    while f'grpc_calls_in_flight{{side="server"}} {len(tasks)}.0' not in embedder.get("/metrics")[1]:
        assert not any(task.done() for task in tasks)


async def test_sigterm_finishes_what_was_taken(models_path: Path) -> None:
    bulk = calls.CallContext("org_a", "col_a", "job_a", calls.Lane.BULK)
    with running(models_path) as embedder:
        embedder.wait_until_ready()
        assert await _served(embedder) == health_pb2.HealthCheckResponse.SERVING
        async with stub_of(embedder) as stub:
            tasks = [asyncio.create_task(embed(stub, [PASSAGE] * 8, caller=bulk)) for _ in range(8)]
            await asyncio.to_thread(_taken, embedder, tasks)
            embedder.process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*tasks)
        assert [len(each.vectors) for each in answers] == [8 * 384 * 4] * 8
        assert await asyncio.to_thread(embedder.process.wait, 30) == 0


@contextmanager
def _collector() -> Iterator[tuple[str, list[Any]]]:
    """An OTLP collector on a free port; gives its address and the spans that it was sent."""
    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_a_batch_is_a_span_linked_to_the_requests_in_it(models_path: Path) -> None:
    with _collector() as (address, spans), running(models_path, OTEL_EXPORTER_OTLP_ENDPOINT=address) as embedder:
        embedder.wait_until_ready()
        async with stub_of(embedder) as stub:
            await asyncio.gather(*[embed(stub, [f"question {number}"]) for number in range(6)])
        embedder.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(embedder.process.wait, 30) == 0
    requests = {span.span_id for span in spans if span.name.endswith("/Embed")}
    batches = [span for span in spans if span.name == "embedder.batch"]
    assert len(requests) == 6
    assert {link.span_id for batch in batches for link in batch.links} == requests
    assert all(not batch.parent_span_id for batch in batches)
