"""Runs batches of all models: as many side by side as there are sessions, and none whose callers have all left."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, Status, StatusCode

from lorekeep_chassis import calls, logs, tracing
from lorekeep_chassis import metrics as chassis_metrics
from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import metrics
from lorekeep_embedder.admission import Throughput
from lorekeep_embedder.backends.seam import Backend, Outputs, Tokens
from lorekeep_embedder.lanes import Lanes
from lorekeep_embedder.work import Batch, Work

_LOG = logs.logger(__name__)


class Scheduler:
    """Batches across callers, on `sessions` threads. `run` computes until it is cancelled; `compute` waits for one
    request's share.
    """

    def __init__(self, sessions: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.sessions = sessions
        self._clock = clock
        self._lanes = Lanes()
        self._news = asyncio.Event()

    async def compute(self, backend: Backend, throughput: Throughput, texts: Sequence[Tokens]) -> Outputs:
        """What a model makes of a request's texts, in the order given, for the running call's organisation and lane.

        `throughput` learns how long it took.

        DeadlineExceeded where its time passes while it waits. Cancelling drops what was not computed yet.
        """
        work = self._work(backend, throughput, texts)
        self._lanes.add(work)
        self._news.set()
        try:
            return await work.outputs
        finally:
            self._lanes.remove(work, "cancelled")

    async def run(self) -> None:
        """Computes batch after batch, in one thread a session; ends without waiting for a batch that runs."""
        threads = ThreadPoolExecutor(self.sessions, thread_name_prefix="session")
        try:
            async with asyncio.TaskGroup() as sessions:
                for _ in range(self.sessions):
                    sessions.create_task(self._session(threads))
        finally:
            self._lanes.drop_all(_ending())
            threads.shutdown(wait=False, cancel_futures=True)

    def _work(self, backend: Backend, throughput: Throughput, texts: Sequence[Tokens]) -> Work:
        context, left = calls.current(), calls.remaining_seconds()
        return Work(
            backend,
            throughput,
            texts,
            organisation_id=context.organisation_id,
            lane=context.lane,
            expires_at=None if left is None else self._clock() + left,
            span=trace.get_current_span().get_span_context(),
            outputs=asyncio.get_running_loop().create_future(),
        )

    async def _session(self, threads: ThreadPoolExecutor) -> None:
        while True:
            batch = self._lanes.next_batch(self._clock())
            if batch is not None:
                await self._computed(batch, threads)
                continue
            self._news.clear()
            await self._news.wait()

    async def _computed(self, batch: Batch, threads: ThreadPoolExecutor) -> None:
        loop, begin = asyncio.get_running_loop(), self._clock()
        with _batch_span(batch) as span:
            try:
                outputs = await loop.run_in_executor(threads, batch.backend.compute, batch.texts)
                batch.deliver(outputs)
            except asyncio.CancelledError:
                self._end(batch, _ending())
                raise
            except Exception as error:  # noqa: BLE001 - whatever a runtime raises ends these requests, not the rest
                _LOG.error("a batch failed", exc_info=error, extra={"lorekeep": {"texts": len(batch.places)}})
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                self._end(batch, error)
            else:
                self._measured(batch, self._clock() - begin)

    def _end(self, batch: Batch, error: Exception) -> None:
        for work in batch.works:
            self._lanes.remove(work, "failed")
            work.fail(error)

    def _measured(self, batch: Batch, seconds: float) -> None:
        batch.throughput.observe(batch.token_count, seconds)
        metrics.TEXTS.labels(batch.lane).inc(len(batch.places))
        metrics.TOKENS.labels(batch.lane).inc(batch.token_count)
        metrics.BATCH_TEXTS.labels(batch.lane).observe(len(batch.places))
        metrics.BATCH_SECONDS.labels(batch.lane).observe(seconds, chassis_metrics.exemplar())


def _batch_span(batch: Batch) -> AbstractContextManager[Span]:
    """A trace of its own, linked to each request's span: a batch has many parents, or none."""
    return tracing.span(
        "embedder.batch",
        context=Context(),
        links=[Link(work.span) for work in batch.works if work.span.is_valid],
        attributes={
            "lorekeep.lane": batch.lane.value,
            "lorekeep.texts": len(batch.places),
            "lorekeep.tokens": batch.token_count,
        },
    )


def _ending() -> Unavailable:
    return Unavailable("The embedder is ending. Try again.", retry_after_seconds=1.0)
