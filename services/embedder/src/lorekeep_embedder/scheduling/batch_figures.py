"""What is measured at a batch, for one lane."""

from collections.abc import Iterator
from contextlib import contextmanager

from lorekeep_chassis import metrics as chassis_metrics
from lorekeep_chassis.calls import Lane
from lorekeep_embedder import metrics
from lorekeep_embedder.scheduling.work import Batch


class BatchFigures:
    """The metrics of a lane's batches, looked up once."""

    def __init__(self, lane: Lane) -> None:
        self._texts, self._tokens = metrics.TEXTS.labels(lane), metrics.TOKENS.labels(lane)
        self._padding, self._fill = metrics.PADDING.labels(lane), metrics.BATCH_FILL.labels(lane)
        self._batch_texts, self._seconds = metrics.BATCH_TEXTS.labels(lane), metrics.BATCH_SECONDS.labels(lane)
        self._wait_seconds = metrics.WAIT_SECONDS.labels(lane)
        self._running = metrics.RUNNING_TEXTS.labels(lane), metrics.RUNNING_TOKENS.labels(lane)

    @contextmanager
    def running(self, batch: Batch, now: float) -> Iterator[None]:
        """Counts a batch as running inside, and the wait of requests that it is the first of."""
        for work in batch.works:
            if work.added_at is not None:
                self._wait_seconds.observe(now - work.added_at)
                work.added_at = None
        self._running[0].inc(len(batch.places))
        self._running[1].inc(batch.token_count)
        try:
            yield
        finally:
            self._running[0].dec(len(batch.places))
            self._running[1].dec(batch.token_count)

    def computed(self, batch: Batch, seconds: float) -> None:
        """Counts a batch that was computed."""
        self._texts.inc(len(batch.places))
        self._tokens.inc(batch.token_count)
        self._padding.inc(batch.padding_count)
        self._fill.observe((batch.token_count + batch.padding_count) / batch.throughput.batch.tokens)
        self._batch_texts.observe(len(batch.places))
        self._seconds.observe(seconds, chassis_metrics.exemplar())
