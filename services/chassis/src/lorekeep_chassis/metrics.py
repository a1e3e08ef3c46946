"""Metrics that every role has, on the default Prometheus registry. Labels are bounded: methods, codes, templates."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ("method", "route", "status"))
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds", "Time to answer an HTTP request.", ("method", "route"), buckets=BUCKETS_SECONDS
)
HTTP_IN_FLIGHT = Gauge("http_requests_in_flight", "HTTP requests being answered.")

RPC_CALLS = Counter("grpc_calls_total", "gRPC calls ended.", ("side", "method", "code"))
RPC_SECONDS = Histogram(
    "grpc_call_duration_seconds", "Duration of a gRPC call.", ("side", "method"), buckets=BUCKETS_SECONDS
)
RPC_IN_FLIGHT = Gauge("grpc_calls_in_flight", "gRPC calls under way.", ("side",))


def exemplar() -> dict[str, str] | None:
    """The running trace as an exemplar, where it is sampled."""
    span = trace.get_current_span().get_span_context()
    return {"trace_id": f"{span.trace_id:032x}"} if span.trace_flags.sampled else None


class CallMeasure:
    """Counts one gRPC call; `code` is set before it ends."""

    def __init__(self) -> None:
        self.code = "OK"


@contextmanager
def rpc_measured(side: str, method: str) -> Iterator[CallMeasure]:
    """Measures a gRPC call on one side, `client` or `server`."""
    measure, begin = CallMeasure(), perf_counter()
    RPC_IN_FLIGHT.labels(side).inc()
    try:
        yield measure
    finally:
        RPC_IN_FLIGHT.labels(side).dec()
        RPC_CALLS.labels(side, method, measure.code).inc()
        RPC_SECONDS.labels(side, method).observe(perf_counter() - begin, exemplar())
