"""Tracing: OTLP out in batches, W3C context in gRPC metadata and job rows.

With a collector configured (OTEL_EXPORTER_OTLP_ENDPOINT) everything is sampled, since the collector chooses by tail;
without one nothing leaves, and a tenth is sampled so that logs carry trace ids at little cost. The gateway never lets
a public `traceparent` force sampling.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind

_EXPORT_TIMEOUT_SECONDS = 3
_SHARE_WITHOUT_COLLECTOR = 0.1


def set_up(service: str, version: str, *, public_edge: bool = False) -> TracerProvider:
    """Makes the process's tracer provider. `public_edge` is for the role whose remote parents come from outside."""
    exporter = _exporter()
    provider = TracerProvider(
        sampler=_sampler(exporter is not None, public_edge),
        resource=Resource.create(
            {"service.name": service, "service.namespace": "lorekeep", "service.version": version}
        ),
        shutdown_on_exit=False,
    )
    if exporter is not None:
        provider.add_span_processor(
            BatchSpanProcessor(
                exporter, export_timeout_millis=_EXPORT_TIMEOUT_SECONDS * 1000, schedule_delay_millis=1000
            )
        )
    trace.set_tracer_provider(provider)
    return provider


def tracer() -> trace.Tracer:
    """The tracer of lorekeep's own spans."""
    return trace.get_tracer("lorekeep")


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    context: otel_context.Context | None = None,
    links: Sequence[trace.Link] = (),
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Iterator[trace.Span]:
    """Runs what is inside in a span, failed when it raises.

    Of an exception only the type is written down: what it says may hold a document's text, a query or a key.
    """
    with tracer().start_as_current_span(
        name, context, kind, attributes, links, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR, str(getattr(error, "reason", "")))
            raise


def carrier() -> dict[str, str]:
    """The running span as W3C headers, to be kept in a row or sent along."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def continued(headers: Mapping[str, str]) -> Iterator[None]:
    """Makes the span that `headers` name the parent of spans started inside."""
    token = otel_context.attach(propagate.extract(dict(headers)))
    try:
        yield
    finally:
        otel_context.detach(token)


def trace_id() -> str:
    """The running trace's id, 32 hex digits; empty outside of one."""
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else ""


def _sampler(collected: bool, public_edge: bool) -> Sampler:
    root = ALWAYS_ON if collected else TraceIdRatioBased(_SHARE_WITHOUT_COLLECTOR)
    if public_edge:
        return ParentBased(root, remote_parent_sampled=root, remote_parent_not_sampled=root)
    return ParentBased(root)


def _exporter() -> SpanExporter | None:
    """Short time-outs keep a dead collector from delaying the end of the process."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(timeout=_EXPORT_TIMEOUT_SECONDS)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(timeout=_EXPORT_TIMEOUT_SECONDS)
