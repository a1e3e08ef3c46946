"""Models that are loaded by their first use, once, and make room for one another; nothing here is computed."""

import asyncio
import dataclasses
import hashlib
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls
from lorekeep_chassis.errors import DeadlineExceeded, LorekeepError, ModelMismatch, NotFound, Overloaded, Unavailable
from lorekeep_embedder.models import model_files
from lorekeep_embedder.models.descriptions import described
from lorekeep_embedder.models.model_files import ModelFiles
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.models.shelf import Shelf

MEBIBYTE = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class _Runs:
    precision: str
    name: str = "onnxruntime"
    device: str = "cpu"


class _Model:
    def __init__(self, files: ModelFiles, precision: str) -> None:
        self.memory_bytes = files.memory_bytes(precision)
        self.description = described(files.spec, files.tokenizer_fingerprint, _Runs(precision), loaded=True)
        self.closed = False

    def close(self) -> None:
        self.closed = True


class _Source:
    """Models of 1 MiB in a folder; `opening` remembers what was opened, which waits while it is held."""

    precisions: Sequence[str] = ("float32", "bfloat16")

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opening: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.begun, self._go = threading.Event(), threading.Event()
        self._go.set()
        self._specs = [_spec("first"), _spec("second"), _spec("third"), _spec("judge", kind="reranker", distance="")]

    @contextmanager
    def held(self) -> Iterator[None]:
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def specs(self) -> Sequence[ModelSpec]:
        return self._specs

    def spec(self, name: str) -> ModelSpec | None:
        return next((spec for spec in self._specs if spec.name == name), None)

    def found(self, spec: ModelSpec) -> ModelFiles | None:
        return model_files.found(spec, str(self.root))

    def opened(self, spec: ModelSpec, precision: str) -> _Model:
        self.opening.append((spec.name, precision))
        self.begun.set()
        assert self._go.wait(30)
        if self.error:
            raise self.error
        return _Model(model_files.verified(spec, str(self.root)), precision)


def _spec(name: str, **fields: str) -> ModelSpec:
    return ModelSpec(name=name, dimensions=8, window_tokens=16, **fields)  # type: ignore[arg-type]


@pytest.fixture
def source(tmp_path: Path) -> _Source:
    for number, name in enumerate(("first", "second", "third", "judge")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(bytes([number]) * MEBIBYTE)
        (folder / "config.json").write_text(json.dumps({"dtype": "float32"}))
        (folder / "tokenizer.json").write_bytes(name.encode())
    return _Source(tmp_path)


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


async def _use(shelf: "Shelf[_Model]", name: str, fingerprint: str = "") -> _Model:
    async with shelf.using(name, fingerprint) as model:
        return model


def _count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_model_is_loaded_once_by_its_first_use(source: _Source) -> None:
    shelf = Shelf(source, "first")
    before = _count("embedding_model_loads_total", model="second", outcome="loaded")
    models = await asyncio.gather(*[_use(shelf, "second") for _ in range(20)])
    assert len(set(map(id, models))) == 1
    assert await _use(shelf, "second") is models[0]
    assert source.opening == [("second", "float32")]
    assert _count("embedding_model_loads_total", model="second", outcome="loaded") == before + 1


async def test_a_caller_who_leaves_or_runs_out_of_time_does_not_stop_the_load(source: _Source) -> None:
    shelf = Shelf(source, "first")
    with source.held():
        leaver = asyncio.create_task(_use(shelf, "second"))
        await asyncio.to_thread(source.begun.wait, 10)
        leaver.cancel()
        with calls.deadline(0.05), pytest.raises(DeadlineExceeded, match="still being loaded"):
            await _use(shelf, "second")
    assert (await asyncio.gather(leaver, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    await _use(shelf, "second")
    assert source.opening == [("second", "float32")]


async def test_a_failure_is_remembered_for_a_moment_and_tried_again_later(source: _Source) -> None:
    clock = _Clock()
    shelf = Shelf(source, "first", clock=clock)
    source.error = RuntimeError("the runtime gave up at /secret/path")
    for _ in range(3):
        with pytest.raises(Unavailable, match="the embedder's log says why") as error:
            await _use(shelf, "second")
        assert error.value.reason == "model_not_loaded"
    assert len(source.opening) == 1
    source.error = None
    clock.now += 5
    assert (await _use(shelf, "second")).description.name == "second"


async def test_the_default_is_tried_again_at_once_by_who_opens_the_shelf(source: _Source) -> None:
    shelf = Shelf(source, "first")
    (source.root / "first" / "config.json").rename(source.root / "kept")
    with pytest.raises(Unavailable, match=r"lacks config\.json"):
        await shelf.open()
    with pytest.raises(Unavailable, match="still loading"):
        await shelf.models()
    (source.root / "kept").rename(source.root / "first" / "config.json")
    assert (await shelf.open()).description.name == "first"


async def test_the_longest_unused_makes_room_but_never_the_default_nor_one_in_hand(source: _Source) -> None:
    shelf = Shelf(source, "first", memory_bytes=3 * MEBIBYTE, clock=_Clock())
    first = await _use(shelf, "")
    second, third = await _use(shelf, "second"), await _use(shelf, "third")
    await _use(shelf, "second")
    evictions = _count("embedding_model_evictions_total", model="third")
    async with shelf.using("judge", kind="reranker") as judge:
        assert (first.closed, second.closed, third.closed, judge.closed) == (False, False, True, False)
        async with shelf.using("second") as held:
            with pytest.raises(Overloaded, match="leave no memory for third"):
                await _use(shelf, "third")
            assert (held.closed, judge.closed) == (False, False)
        again = await _use(shelf, "third")
        assert (second.closed, judge.closed, again.closed) == (True, False, False)
    assert _count("embedding_model_evictions_total", model="third") == evictions + 1
    assert _count("embedding_models_memory_bytes") == 3 * MEBIBYTE
    told = {"backend": "onnxruntime", "precision": "float32", "device": "cpu"}
    assert [_count("embedding_models_loaded", model=name, **told) for name in ("first", "second", "third")] == [1, 0, 1]


async def test_a_model_that_never_fits_says_what_to_raise(source: _Source) -> None:
    shelf = Shelf(source, "first", memory_bytes=MEBIBYTE)
    await shelf.open()
    with pytest.raises(Unavailable, match="needs about 1 MiB, which LOREKEEP_MODELS_MEMORY_MB = 1") as error:
        await _use(shelf, "second")
    assert error.value.reason == "models_memory_full"


async def test_a_fingerprint_names_the_precision_that_is_served(source: _Source) -> None:
    shelf = Shelf(source, "first")
    default = await _use(shelf, "")
    files = source.found(source.specs()[0])
    assert files is not None
    wanted = files.spec.fingerprint(files.tokenizer_fingerprint, "bfloat16")
    assert (await _use(shelf, "", wanted)).description.fingerprint == wanted
    assert (await _use(shelf, "", default.description.fingerprint)) is default
    for other in ("0" * 64, files.spec.fingerprint(files.tokenizer_fingerprint, "int8")):
        with pytest.raises(ModelMismatch, match="do not mix"):
            await _use(shelf, "", other)
    assert source.opening == [("first", "float32"), ("first", "bfloat16")]


async def test_models_are_listed_without_being_loaded(source: _Source) -> None:
    shutil.rmtree(source.root / "third")
    shelf = Shelf(source, "second")
    await shelf.open()
    listed = await shelf.models()
    assert [(each.name, each.loaded) for each in listed] == [("second", True), ("first", False), ("judge", False)]
    assert listed[2].kind == embedder_pb2.MODEL_KIND_RERANKER
    assert (listed[1].backend, listed[1].device, listed[1].precision) == ("onnxruntime", "cpu", "float32")
    assert (await _use(shelf, "first")).description.fingerprint == listed[1].fingerprint
    assert [each.loaded for each in await shelf.models()] == [True, True, False]
    assert await shelf.first("reranker") == "judge"


async def test_a_tokenizer_is_given_of_a_model_that_is_not_loaded(source: _Source) -> None:
    shelf = Shelf(source, "first")
    assert await shelf.tokenizer(hashlib.sha256(b"third").hexdigest()) == b"third"
    with pytest.raises(NotFound, match="Take it from ListModels"):
        await shelf.tokenizer("0" * 64)
    assert source.opening == []


@pytest.mark.parametrize(
    ("name", "kind", "error", "said"),
    [
        ("fourth", "embedder", NotFound, "it has first, second, third"),
        ("judge", "embedder", NotFound, "no embedder of that name"),
        ("first", "reranker", NotFound, "it has judge"),
        ("third", "embedder", Unavailable, "lorekeep models pull|put its files"),
    ],
)
async def test_what_cannot_be_named_is_told(
    source: _Source, name: str, kind: str, error: type[LorekeepError], said: str
) -> None:
    shutil.rmtree(source.root / "third")
    shelf = Shelf(source, "first")
    with pytest.raises(error, match=said):
        async with shelf.using(name, kind=kind):  # type: ignore[arg-type]
            raise AssertionError("it was served")


async def test_a_closed_shelf_gives_all_back(source: _Source) -> None:
    shelf = Shelf(source, "first")
    models = [await _use(shelf, "first"), await _use(shelf, "second")]
    shelf.close()
    assert all(model.closed for model in models)


async def test_who_waits_for_a_model_while_the_shelf_closes_is_told(source: _Source) -> None:
    shelf = Shelf(source, "first")
    with source.held():
        waiting = asyncio.create_task(_use(shelf, "second"))
        await asyncio.to_thread(source.begun.wait, 10)
        shelf.close()
        with pytest.raises(Unavailable, match="is ending"):
            await waiting
