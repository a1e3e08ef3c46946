"""Upload, queue, parse, embed and upsert are one trace."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.ingest.bench import Bench, book

from lorekeep_chassis import tracing


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    """The process's one provider, or an exporter on the one that another test made."""
    memory = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return memory


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter


async def test_the_trace_goes_through_the_queue_and_on_to_every_service(
    bench: Bench, spans: InMemorySpanExporter
) -> None:
    collection = await bench.collection()
    with tracing.tracer().start_as_current_span("POST documents") as upload:
        carrier = tracing.carrier()
    ids = await bench.document(collection, book(3), traceparent=carrier["traceparent"])
    async with bench.working():
        await bench.ended(ids)
    mine = [each for each in spans.get_finished_spans() if _trace(each) == upload.get_span_context().trace_id]
    edges = {(_parent(each, mine), each.name) for each in mine}
    assert ("POST documents", "ingest.job") in edges
    for stage in ("fetch", "parse", "embed", "index", "flip"):
        assert ("ingest.job", f"ingest.{stage}") in edges
    for stage, method in (
        ("parse", "lorekeep.parser.v1.ParserService/Parse"),
        ("embed", "lorekeep.embedder.v1.EmbedderService/Embed"),
        ("index", "lorekeep.search.v1.SearchService/Upsert"),
        ("flip", "lorekeep.search.v1.SearchService/Stamp"),
    ):
        assert (f"ingest.{stage}", method) in edges
        assert (method, method) in edges, "the server's span below the client's"


async def test_a_failed_job_says_so_in_its_spans(bench: Bench, spans: InMemorySpanExporter) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "ENCRYPTED")
    async with bench.working():
        await bench.ended(ids)
    by_name = {each.name: each for each in spans.get_finished_spans()}
    assert by_name["ingest.job"].attributes["job.outcome"] == "encrypted"
    assert by_name["ingest.parse"].status.description == "encrypted"
    assert by_name["ingest.fetch"].status.is_unset


def _trace(span: ReadableSpan) -> int:
    return span.context.trace_id


def _parent(span: ReadableSpan, spans: list[ReadableSpan]) -> str:
    names = {each.context.span_id: each.name for each in spans}
    return names.get(span.parent.span_id, "") if span.parent else ""
