"""The stages of a job as spans and durations, all children of the job's own span."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from opentelemetry import context as otel_context
from opentelemetry.trace import StatusCode

from lorekeep_chassis import metrics, tracing
from lorekeep_gateway.ingest import measures


class Stages:
    """Made inside the job's span. `failed` names the stage whose failure came first, empty while there is none."""

    def __init__(self) -> None:
        self._job_context = otel_context.get_current()
        self.failed = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Runs a stage inside: its span is current, its duration observed."""
        begin = perf_counter()
        with tracing.tracer().start_as_current_span(
            f"ingest.{name}", self._job_context, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self.failed = self.failed or name
                span.set_status(StatusCode.ERROR, str(getattr(error, "reason", type(error).__name__)))
                raise
            finally:
                measures.STAGE_SECONDS.labels(name).observe(perf_counter() - begin, metrics.exemplar())
