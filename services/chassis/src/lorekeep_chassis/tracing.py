"""Tracing: OTLP out in batches, W3C context in gRPC metadata and job rows.

With a collector configured (OTEL_EXPORTER_OTLP_ENDPOINT) everything is sampled, since the collector chooses by tail;
without one nothing leaves, and a tenth is sampled so that logs carry trace ids at little cost. The gateway never lets
a public `traceparent` force sampling.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

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


# Looked up once: OpenTelemetry adds a filter of warnings each time that a tracer is asked for (10 us). Made before the
# process has a provider, it takes the one that comes.
_TRACER = trace.get_tracer("lorekeep")


def tracer() -> trace.Tracer:
    """The tracer of lorekeep's own spans."""
    return _TRACER


class _Running:
    """A span that is current for what runs inside, and ends with it."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> trace.Span:
        self._token = otel_context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        otel_context.detach(self._token)
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(trace.StatusCode.ERROR, str(getattr(error, "reason", "")))
        self._span.end()


class _Continued:
    """What is called inside belongs to the trace of a context; see `continued`."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: otel_context.Context) -> None:
        self._context = context

    def __enter__(self) -> trace.Span:
        self._token = otel_context.attach(self._context)
        return trace.get_current_span()

    def __exit__(self, *_: object) -> None:
        otel_context.detach(self._token)


def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    context: otel_context.Context | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> AbstractContextManager[trace.Span]:
    """Runs what is inside in a span, failed when it raises.

    Of an exception only the type is written down: what it says may hold a document's text, a query or a key.
    """
    if context is None and kind is not SpanKind.SERVER:
        current = trace.get_current_span()
        if _left_out(current):
            return nullcontext(current)
    return _Running(_TRACER.start_span(name, context, kind, attributes))


def served(name: str, headers: Mapping[str, str]) -> AbstractContextManager[trace.Span]:
    """The span of a call that came from inside the house: a child of the span that `headers` name."""
    parent = propagate.extract(headers)
    if _left_out(trace.get_current_span(parent)):
        return _Continued(parent)
    return _Running(_TRACER.start_span(name, parent, SpanKind.SERVER))


def _left_out(parent: trace.Span) -> bool:
    """Whether a span's trace is not sampled. Its children would not be either, and making spans that record nothing
    costs 10 us each; what is logged, counted and sent on names the parent instead.
    """
    context = parent.get_span_context()
    return context.is_valid and not context.trace_flags.sampled


def carrier() -> dict[str, str]:
    """The running span as W3C headers, to be kept in a row or sent along."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def continued(headers: Mapping[str, str]) -> AbstractContextManager[object]:
    """Makes the span that `headers` name the parent of spans started inside."""
    return _Continued(propagate.extract(headers))


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
