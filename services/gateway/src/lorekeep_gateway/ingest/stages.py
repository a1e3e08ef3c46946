"""The stages of a job as spans and durations, all children of the job's own span."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from opentelemetry import context as otel_context
from opentelemetry.trace import StatusCode

from lorekeep_chassis import metrics, tracing
from lorekeep_gateway.ingest import measures


class Stages:
    """Made inside the job's span. `failed` names the stage whose failure came first, empty while there is none.

    `earlier` are the seconds that earlier runs of the job spent.
    """

    def __init__(self, earlier: Mapping[str, float]) -> None:
        self._job_context = otel_context.get_current()
        self._ended = dict(earlier)
        self._begun: dict[str, float] = {}
        self.failed = ""

    def seconds(self) -> dict[str, float]:
        """Time spent in each stage so far, over all runs of the job. Stages run beside each other."""
        now = perf_counter()
        open_now = {name: now - begin for name, begin in self._begun.items()}
        return {
            name: round(self._ended.get(name, 0.0) + open_now.get(name, 0.0), 3) for name in {*self._ended, *open_now}
        }

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Runs a stage inside: its span is current, its duration observed."""
        begin = self._begun[name] = perf_counter()
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
                seconds = perf_counter() - begin
                self._begun.pop(name, None)
                self._ended[name] = self._ended.get(name, 0.0) + seconds
                measures.STAGE_SECONDS.labels(name).observe(seconds, metrics.exemplar())
