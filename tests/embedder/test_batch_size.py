"""The measured size of a batch, over backends whose speed is known: their clock is the test's own work."""

from collections.abc import Sequence

import numpy as np
import pytest

from lorekeep_embedder.backends.seam import Outputs, Tokens
from lorekeep_embedder.scheduling import batch_size
from lorekeep_embedder.scheduling.batch_size import BatchTimer, Reading

TEXT = Tokens([1] * 256)


class TimedBackend:
    """Costs so many ticks a batch, a token, and a token beyond the size at which it slows down."""

    name, precision, device, batch_tokens, room_tokens, memory_bytes = "timed", "float32", "cpu", 256, 65_536, 1

    def __init__(self, *, overhead: int = 16, slow_beyond: int = 10**9, tick_seconds: float = 1e-6) -> None:
        self.seconds = 0.0
        self.sizes: list[int] = []
        self._overhead = overhead
        self._tick_seconds = tick_seconds
        self._slow_beyond = slow_beyond

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        size = max(map(len, batch)) * len(batch)
        self.sizes.append(size)
        self.seconds += self._tick_seconds * (self._overhead + size + max(0, size - self._slow_beyond))
        return Outputs(np.zeros((len(batch), 2), np.float32))

    def close(self) -> None:
        """Holds nothing."""


def measured(backend: TimedBackend, *, forced_tokens: int = 0, text: Tokens = TEXT) -> batch_size.Measured:
    timer = BatchTimer(backend, text, lambda: Reading(*[backend.seconds] * 3))
    return batch_size.measured(timer, forced_tokens or backend.batch_tokens, forced=bool(forced_tokens))


def test_a_backend_with_much_overhead_gets_large_batches() -> None:
    assert measured(TimedBackend(overhead=64)).batch.tokens == 512


def test_the_smallest_that_is_about_as_quick_is_taken() -> None:
    assert measured(TimedBackend(overhead=1)).batch.tokens == 128


def test_a_size_beyond_which_it_slows_down_is_not_taken() -> None:
    assert measured(TimedBackend(overhead=24, slow_beyond=256)).batch.tokens == 256


@pytest.mark.parametrize(("overhead", "found"), [(16, 16), (0, 8), (1000, 64)])
def test_the_overhead_is_told_in_tokens_and_kept_within_reason(overhead: int, found: int) -> None:
    assert measured(TimedBackend(overhead=overhead)).batch.overhead_tokens == pytest.approx(found, abs=2)


def test_a_forced_size_is_the_only_one_measured() -> None:
    backend = TimedBackend()
    assert measured(backend, forced_tokens=1024).batch.tokens == 1024
    assert set(backend.sizes) == {16, 1024, 960}


def test_texts_are_no_longer_than_the_window() -> None:
    backend = TimedBackend()
    assert measured(backend, text=Tokens([1] * 32)).batch.tokens == 512
    assert set(backend.sizes) == {16, 128, 256, 512}


def test_a_slow_model_is_measured_less() -> None:
    backend = TimedBackend(tick_seconds=1.0)
    assert measured(backend).batch.tokens == 128
    assert len(backend.sizes) == 5


def test_a_busy_machine_does_not_change_the_time_of_work_in_the_calling_thread() -> None:
    begin = Reading(0.0, 0.0, 0.0)
    assert Reading(wall=1.0, thread=0.01, process=0.012).seconds_since(begin) == 0.01


def test_work_in_other_threads_is_timed_by_the_wall() -> None:
    begin = Reading(0.0, 0.0, 0.0)
    assert Reading(wall=1.0, thread=0.01, process=0.9).seconds_since(begin) == 1.0


def test_a_gpu_is_timed_by_the_wall() -> None:
    backend = TimedBackend()
    backend.device = "cuda"
    timer = BatchTimer(backend, TEXT, lambda: Reading(wall=backend.seconds, thread=0.0, process=0.0))
    assert timer.run(100, 1) == pytest.approx(116e-6)
