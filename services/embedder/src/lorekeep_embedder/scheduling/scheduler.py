"""Runs batches of all models: as many side by side as there are sessions, and none whose callers have all left."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from lorekeep_chassis import calls, logs, tracing
from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import metrics
from lorekeep_embedder.backends.seam import Backend, Outputs, Tokens
from lorekeep_embedder.scheduling.admission import Admission
from lorekeep_embedder.scheduling.batch_figures import BatchFigures
from lorekeep_embedder.scheduling.lanes import Lanes
from lorekeep_embedder.scheduling.throughput import Throughput
from lorekeep_embedder.scheduling.work import Batch, Work

_LOG = logs.logger(__name__)


class Scheduler:
    """Batches across callers, on `sessions` threads. `run` computes until it is cancelled; `compute` waits for one
    request's share, which `admission` should have let in. `batch_tokens` is every model's most in a batch; 0 has it
    measured for each.
    """

    def __init__(self, sessions: int, clock: Callable[[], float] = time.monotonic, *, batch_tokens: int = 0) -> None:
        self.sessions = sessions
        self.batch_tokens = batch_tokens
        self._clock = clock
        self._lanes = Lanes()
        self.admission = Admission(self._lanes)
        self._figures = {lane: BatchFigures(lane) for lane in calls.Lane}
        self._idle: deque[asyncio.Future[None]] = deque()

    async def compute(self, backend: Backend, throughput: Throughput, texts: Sequence[Tokens]) -> Outputs:
        """What a model makes of a request's texts, in the order given, for the running call's organisation and lane.

        `throughput` is the model's, and learns how long it took. DeadlineExceeded as soon as the call's time passes.
        Cancelling drops what was not computed yet.
        """
        left = calls.remaining_seconds()
        work = self._work(backend, throughput, texts, left)
        self._lanes.add(work, self._clock())
        self._wake()
        alarm = asyncio.get_running_loop().call_later(left, self._lanes.expire, work) if left is not None else None
        try:
            return await work.outputs
        finally:
            if alarm is not None:
                alarm.cancel()
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

    def _work(self, backend: Backend, throughput: Throughput, texts: Sequence[Tokens], left: float | None) -> Work:
        context = calls.current()
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
            if batch is None:
                await self._news()
                continue
            if self._lanes.texts:
                self._wake()
            await self._computed(batch, threads)

    async def _news(self) -> None:
        """Returns once there may be something to compute."""
        news = asyncio.get_running_loop().create_future()
        self._idle.append(news)
        await news

    def _wake(self) -> None:
        """One session looks for work; it wakes the next where it leaves some."""
        while self._idle:
            news = self._idle.popleft()
            if not news.done():
                news.set_result(None)
                return

    async def _computed(self, batch: Batch, threads: ThreadPoolExecutor) -> None:
        with (
            tracing.span("embedder.batch", context=Context()) as span,
            self._figures[batch.lane].running(batch, self._clock()),
        ):
            _describe(span, batch)
            try:
                run = await asyncio.get_running_loop().run_in_executor(threads, self._run, batch)
            except asyncio.CancelledError:
                self._end(batch, "ended", _ending())
                raise
            except Exception as error:  # noqa: BLE001 - whatever a runtime raises ends these requests, not the rest
                _LOG.error("a batch failed", exc_info=error, extra={"lorekeep": {"texts": len(batch.places)}})
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                self._end(batch, "failed", error)
                return
            if run.outputs is not None:
                run.batch.deliver(run.outputs)
                batch.throughput.observe(batch.lane, run.batch.token_count, run.seconds)
                self._figures[batch.lane].computed(run.batch, run.seconds)
            self._drop_left_out(batch, run.batch)

    def _run(self, batch: Batch) -> "_Run":
        """In a session's thread: computes what is still waited for."""
        begin = self._clock()
        batch = batch.without_gone(begin)
        outputs = batch.backend.compute(batch.texts) if batch.places else None
        return _Run(batch, outputs, self._clock() - begin)

    def _drop_left_out(self, taken: Batch, computed: Batch) -> None:
        if computed is taken:
            return
        kept = set(computed.places)
        for work in [work for work, position in taken.places if (work, position) not in kept]:
            late = not work.outputs.done()
            metrics.DROPPED.labels("deadline" if late else "cancelled").inc()
            if late:
                self._lanes.expire(work)

    def _end(self, batch: Batch, reason: str, error: Exception) -> None:
        metrics.DROPPED.labels(reason).inc(len(batch.places))
        for work in batch.works:
            self._lanes.remove(work, reason)
            work.fail(error)


class _Run(NamedTuple):
    """What came of a batch: what was computed of it, if anything, and the time that it took."""

    batch: Batch
    outputs: Outputs | None
    seconds: float


def _describe(span: Span, batch: Batch) -> None:
    """Links it to each request's span: a batch has many parents, or none. Only where somebody reads it: to make a link
    costs 2 us.
    """
    if not span.is_recording():
        return
    for work in batch.works:
        if work.span.is_valid:
            span.add_link(work.span)
    span.set_attributes(
        {
            "lorekeep.lane": batch.lane.value,
            "lorekeep.texts": len(batch.places),
            "lorekeep.tokens": batch.token_count,
        }
    )


def _ending() -> Unavailable:
    return Unavailable("The embedder is ending. Try again.", retry_after_seconds=1.0)
