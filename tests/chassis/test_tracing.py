"""Sampling, and the context that travels."""

import json
import logging

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision

from lorekeep_chassis import calls, logs, tracing

PUBLIC = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def _sampled(*, collected: bool, public_edge: bool) -> float:
    from opentelemetry import propagate

    sampler = tracing._sampler(collected, public_edge)
    parent = propagate.extract(PUBLIC)
    results = [sampler.should_sample(parent, number << 64 | number, "x") for number in range(1, 2**64, 2**56)]
    return sum(each.decision is Decision.RECORD_AND_SAMPLE for each in results) / len(results)


def test_a_public_traceparent_never_forces_sampling() -> None:
    assert 0.05 < _sampled(collected=False, public_edge=True) < 0.15


def test_inside_the_house_a_sampled_parent_is_followed() -> None:
    assert _sampled(collected=False, public_edge=False) == 1


def test_with_a_collector_everything_is_sampled() -> None:
    assert _sampled(collected=True, public_edge=True) == 1


def test_a_kept_carrier_continues_the_trace(spans: InMemorySpanExporter) -> None:
    with tracing.tracer().start_as_current_span("upload") as upload:
        kept = tracing.carrier()
    with tracing.continued(kept), tracing.tracer().start_as_current_span("job"):
        assert tracing.trace_id() == f"{upload.get_span_context().trace_id:032x}"
    assert tracing.trace_id() == ""


def test_where_a_trace_is_not_sampled_no_span_is_made_and_its_name_goes_on(spans: InMemorySpanExporter) -> None:
    headers = {"traceparent": PUBLIC["traceparent"].removesuffix("01") + "00"}
    with tracing.served("call", headers) as call, tracing.span("work", attributes={"size": 3}) as work:
        assert (call.is_recording(), work.is_recording()) == (False, False)
        assert tracing.trace_id() in headers["traceparent"]
        assert tracing.carrier() == headers
    assert tracing.trace_id() == ""
    assert spans.get_finished_spans() == ()


def test_a_sampled_call_is_continued(spans: InMemorySpanExporter) -> None:
    with tracing.served("call", PUBLIC), tracing.span("work"):
        pass
    work, call = spans.get_finished_spans()
    assert (call.kind.name, f"{call.parent.span_id:016x}") == ("SERVER", PUBLIC["traceparent"][36:52])
    assert work.parent.span_id == call.context.span_id


def test_a_failed_span_tells_the_kind_of_error_and_not_what_it_says(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="s3cret"), tracing.span("work", attributes={"size": 3}):
        raise ValueError("s3cret text")
    (span,) = spans.get_finished_spans()
    assert (span.status.is_ok, span.attributes) == (False, {"size": 3, "error.type": "ValueError"})
    assert "s3cret" not in span.to_json()


def test_a_log_line_is_json_with_trace_and_organisation(spans: InMemorySpanExporter) -> None:
    record = logging.LogRecord("lorekeep.x", logging.INFO, "", 0, "indexed %s", ("d",), None)
    record.lorekeep = {"chunks": 3}
    with (
        tracing.tracer().start_as_current_span("s"),
        calls.calling_as(calls.CallContext("org_a", "col_a", "key_a", calls.Lane.BULK)),
    ):
        line = json.loads(logs._JsonLines("parser", "1").format(record))
        assert line["trace_id"] == tracing.trace_id()
    assert {k: line[k] for k in ("message", "level", "service", "organisation", "chunks")} == {
        "message": "indexed d",
        "level": "INFO",
        "service": "parser",
        "organisation": "org_a",
        "chunks": 3,
    }
