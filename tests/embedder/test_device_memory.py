"""What is done where a device's memory does not suffice, with a memory that ends at a number of tokens."""

from collections.abc import Sequence

import numpy as np
import pytest
from prometheus_client import REGISTRY

from lorekeep_chassis.errors import Overloaded
from lorekeep_embedder.backends.seam import Outputs, SparseVector, Tokens
from lorekeep_embedder.backends.torch.memory import BatchBudget, Frugal, loaded_into

MOST = 12_288


class OutOfTestMemory(RuntimeError):
    """What the runtime raises; torch's own has the same base."""


class Memory:
    """Computes (first id, number of ids) for as many padded tokens as there is room for."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tried: list[int] = []
        self.freed = 0

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        self.tried.append(len(batch) * max(map(len, batch)))
        if self.tried[-1] > self.room:
            raise OutOfTestMemory("no room")
        sparse = [SparseVector(np.array([tokens.ids[0]], np.uint32), np.ones(1, np.float32)) for tokens in batch]
        return Outputs(np.array([[tokens.ids[0], len(tokens)] for tokens in batch], np.float32), sparse)

    def free(self) -> None:
        self.freed += 1


def frugal(memory: Memory, budget: BatchBudget | None = None) -> Frugal:
    return Frugal(memory.compute, budget or BatchBudget(MOST), OutOfTestMemory, memory.free)


def texts(count: int, length: int = 100) -> list[Tokens]:
    return [Tokens([number] * length) for number in range(count)]


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


def test_a_batch_that_fits_runs_once() -> None:
    memory = Memory(1000)
    assert frugal(memory).run(texts(10)).vectors.shape == (10, 2)
    assert (memory.tried, memory.freed) == ([1000], 0)


def test_what_does_not_fit_is_halved_and_comes_back_whole_and_in_order() -> None:
    memory = Memory(300)
    before = counted("embedding_out_of_memory_total"), counted("embedding_batch_reductions_total")
    outputs = frugal(memory).run(texts(10))
    assert outputs.vectors.tolist() == [[number, 100] for number in range(10)]
    assert [int(each.indices[0]) for each in outputs.sparse] == list(range(10))
    assert memory.tried == [1000, 500, 200, 300, 500, 200, 300]
    assert memory.freed == 3
    assert counted("embedding_out_of_memory_total") - before[0] == 3
    assert counted("embedding_batch_reductions_total") - before[1] == 3


def test_a_text_that_does_not_fit_by_itself_is_an_error_and_the_next_request_runs() -> None:
    memory = Memory(300)
    runner = frugal(memory)
    with pytest.raises(Overloaded, match="400 tokens") as raised:
        runner.run(texts(2, length=400))
    assert (raised.value.reason, raised.value.retry_after_seconds) == ("out_of_memory", 5.0)
    assert runner.run(texts(3)).vectors.shape == (3, 2)


def test_a_text_gets_a_second_try_when_what_ran_beside_it_has_ended() -> None:
    class Freeing(Memory):
        def free(self) -> None:
            super().free()
            self.room = 400

    memory = Freeing(300)
    assert frugal(memory).run(texts(1, length=400)).vectors.shape == (1, 2)
    assert memory.tried == [400, 400]


def test_another_error_is_not_taken_for_a_memory_that_is_full() -> None:
    def broken(_: Sequence[Tokens]) -> Outputs:
        raise RuntimeError("the device fell off the bus")

    with pytest.raises(RuntimeError, match="the bus"):
        Frugal(broken, BatchBudget(MOST), OutOfTestMemory, lambda: None).run(texts(4))


def test_a_model_that_does_not_fit_is_an_error_that_says_so_and_holds_nothing() -> None:
    memory = Memory(0)
    with pytest.raises(Overloaded, match="The model does not fit") as raised:
        loaded_into(lambda: memory.compute(texts(1)), OutOfTestMemory, memory.free)
    assert (raised.value.reason, memory.freed, raised.value.__context__) == ("out_of_memory", 1, None)
    assert loaded_into(lambda: "the model", OutOfTestMemory, memory.free) == "the model"


def test_the_budget_is_lowered_for_what_follows_and_never_under_one_short_text() -> None:
    budget = BatchBudget(MOST)
    frugal(Memory(5000), budget).run(texts(100))
    assert budget.tokens == 5000
    for _ in range(20):
        budget.lower(budget.tokens)
    assert budget.tokens == 256


def test_only_batches_that_use_the_budget_raise_it_again() -> None:
    budget = BatchBudget(MOST)
    budget.lower(MOST)
    for _ in range(10_000):
        budget.fitted(100)
    assert budget.tokens == MOST // 2


def test_once_there_is_room_again_the_budget_is_whole_after_a_bounded_number_of_batches() -> None:
    memory, budget = Memory(1000), BatchBudget(MOST)
    runner = frugal(memory, budget)
    _run(runner, budget, 1000)
    assert budget.tokens <= 2000
    memory.room = MOST
    _run(runner, budget, 34 * 512)
    assert budget.tokens == MOST


@pytest.mark.parametrize("room", [300, 1000, 5000, 12_000])
def test_a_memory_that_stays_too_small_is_run_into_seldom(room: int) -> None:
    memory, budget = Memory(room), BatchBudget(MOST)
    runner = frugal(memory, budget)
    _run(runner, budget, 2000)
    memory.tried.clear()
    _run(runner, budget, 10_000)
    failed = sum(tokens > room for tokens in memory.tried)
    assert 0 < failed <= 10_000 / 512 + 1


def _run(runner: Frugal, budget: BatchBudget, batches: int) -> None:
    """As the scheduler does it: batches that fill the budget."""
    for _ in range(batches):
        runner.run(texts(max(1, budget.tokens // 250), length=250))
