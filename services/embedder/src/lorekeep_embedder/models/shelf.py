"""The models that this process can name: those that are loaded, and those that their first use loads."""

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from prometheus_client import Gauge

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls, logs
from lorekeep_chassis.errors import DeadlineExceeded, LorekeepError, Overloaded, Unavailable
from lorekeep_embedder import metrics
from lorekeep_embedder.models.catalogue import Catalogue, Held, Kind, Source
from lorekeep_embedder.models.registry import ModelSpec

_LOG = logs.logger(__name__)
_BACK_OFF_SECONDS = 5.0
_MEBIBYTE = 1024 * 1024

ModelT = TypeVar("ModelT", bound=Held)
# A name, the fingerprint that is expected or nothing, and the kind, None for any.
Asked = tuple[str, str, Kind | None]


class _Slot(Generic[ModelT]):
    """A model in one precision: loaded, loading, failed a moment ago, or none of these."""

    def __init__(self, spec: ModelSpec, precision: str) -> None:
        self.spec = spec
        self.precision = precision
        self.model: ModelT | None = None
        self.loading: asyncio.Task[LorekeepError | None] | None = None
        self.failure: LorekeepError | None = None
        self.retry_at = 0.0
        self.leases = 0
        self.used_at = 0.0


class Lease(Generic[ModelT]):
    """`async with` it: gives the loaded model, which stays loaded until the end of the block."""

    __slots__ = ("_asked", "_shelf", "_slot")

    def __init__(self, shelf: "Shelf[ModelT]", asked: Asked) -> None:
        self._shelf = shelf
        self._asked = asked
        self._slot: _Slot[ModelT] | None = None

    async def __aenter__(self) -> ModelT:
        slot = self._shelf.resolved.get(self._asked) or await self._shelf.resolve(self._asked)
        slot.leases += 1
        self._slot = slot
        try:
            return slot.model or await self._shelf.loaded(slot)
        except BaseException:
            slot.leases -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        assert self._slot is not None
        self._slot.leases -= 1
        self._slot.used_at = self._shelf.clock()


class Shelf(Generic[ModelT]):
    """Models by name; `default` answers where a caller names none. Used on one event loop.

    A model that is not loaded is loaded by its first use, once, whoever else asks meanwhile; callers that leave do not
    stop it. With a bound on memory, the models that were used longest ago make room, but never the default one, nor
    one that a caller has in hand.
    """

    def __init__(
        self,
        source: Source[ModelT],
        default: str,
        *,
        memory_bytes: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.resolved: dict[Asked, _Slot[ModelT]] = {}
        self._catalogue = Catalogue(source)
        self._source = source
        self._default = default
        self._memory_bytes = memory_bytes
        self._slots: dict[tuple[str, str], _Slot[ModelT]] = {}
        self._one_at_a_time = asyncio.Lock()

    def using(self, name: str, expected_fingerprint: str = "", kind: Kind | None = "embedder") -> Lease[ModelT]:
        """The model of that name, the default for an empty one, in the precision that the fingerprint asks for.

        Entering raises NotFound for an unknown name, ModelMismatch where no precision here has the fingerprint,
        Unavailable where it cannot be loaded, Overloaded where others' work leaves no memory for it, DeadlineExceeded
        where the caller's time ends while it is loaded.
        """
        return Lease(self, (name or self._default, expected_fingerprint, kind))

    async def open(self) -> ModelT:
        """Loads the default model, even where that failed a moment ago; raises what stands in its way."""
        slot = await self.resolve((self._default, "", "embedder"))
        slot.retry_at = 0.0
        return slot.model or await self.loaded(slot)

    async def first(self, kind: Kind) -> str | None:
        """Name of the first model of a kind whose files are here."""
        return await asyncio.to_thread(self._catalogue.first, kind)

    async def models(self) -> list[embedder_pb2.Model]:
        """The models whose files are here, the default first; Unavailable while that one loads."""
        loaded = {
            slot.spec.name: slot.model.description
            for slot in self._slots.values()
            if slot.model and slot.precision == self._source.precisions[0]
        }
        if self._default not in loaded:
            raise Unavailable("The model is still loading. Try again shortly.", retry_after_seconds=1.0)
        return await asyncio.to_thread(self._catalogue.listed, loaded[self._default], loaded)

    async def tokenizer(self, fingerprint: str) -> bytes:
        """The tokenizer.json of that fingerprint, of a loaded model or not; NotFound where no model here has it."""
        return await asyncio.to_thread(self._catalogue.tokenizer, fingerprint)

    def close(self) -> None:
        """Gives all models back."""
        for slot in self._slots.values():
            if slot.loading:
                slot.loading.cancel()
            if slot.model:
                slot.model.close()

    async def resolve(self, asked: Asked) -> _Slot[ModelT]:
        """The slot that a caller means; what is certain is remembered for the next one."""
        name, expected_fingerprint, kind = asked
        spec = self._catalogue.spec(name, kind)
        precision = await asyncio.to_thread(self._catalogue.precision, spec, expected_fingerprint)
        wanted = precision or self._source.precisions[0]
        slot = self._slots.setdefault((spec.name, wanted), _Slot(spec, wanted))
        if precision:
            self.resolved[asked] = slot
        return slot

    async def loaded(self, slot: _Slot[ModelT]) -> ModelT:
        """The slot's model, once it is loaded."""
        if slot.loading is None:
            if slot.failure and self.clock() < slot.retry_at:
                raise slot.failure.with_traceback(None)
            slot.loading = asyncio.create_task(self._load(slot))
        loading = slot.loading
        await asyncio.wait({loading}, timeout=calls.remaining_seconds())
        if not loading.done():
            raise _still_loading(slot.spec)
        if loading.cancelled():
            raise Unavailable("The embedder is ending. Try again.", retry_after_seconds=1.0)
        if failure := loading.result():
            raise failure.with_traceback(None)
        assert slot.model is not None
        return slot.model

    async def _load(self, slot: _Slot[ModelT]) -> LorekeepError | None:
        """What went wrong. One model at a time: while it is loaded it holds its weights more than once."""
        slot.failure = None
        try:
            async with self._one_at_a_time:
                await self._make_room(slot)
                slot.model = await asyncio.to_thread(self._source.opened, slot.spec, slot.precision)
                slot.used_at = self.clock()
        except Exception as error:  # noqa: BLE001 - runtimes raise what they like; callers get a typed error
            self._failed(slot, error)
        else:
            self._came(slot, slot.model)
        finally:
            slot.loading = None
        return slot.failure

    def _came(self, slot: _Slot[ModelT], model: ModelT) -> None:
        metrics.MODEL_LOADS.labels(slot.spec.name, "loaded").inc()
        _gauge(model).set(1)
        self._measure()
        _LOG.info(
            "loaded %s in %s on %s, %s", slot.spec.name, slot.precision, model.description.backend,
            model.description.device, extra={"lorekeep": {"memory_mb": model.memory_bytes // _MEBIBYTE}},
        )  # fmt: skip

    def _failed(self, slot: _Slot[ModelT], error: Exception) -> None:
        """Remembered for a moment, so that a queue of callers does not try it over and over."""
        metrics.MODEL_LOADS.labels(slot.spec.name, "failed").inc()
        known = isinstance(error, LorekeepError)
        _LOG.error("%s cannot be loaded: %s", slot.spec.name, error, exc_info=None if known else error)
        slot.failure = error if isinstance(error, LorekeepError) else _not_loaded(slot.spec)
        slot.retry_at = self.clock() + (0.0 if isinstance(error, Overloaded) else _BACK_OFF_SECONDS)

    async def _make_room(self, slot: _Slot[ModelT]) -> None:
        files = await asyncio.to_thread(self._source.found, slot.spec)
        if not self._memory_bytes or files is None:
            return
        needed = await asyncio.to_thread(files.memory_bytes, slot.precision)
        while self._held_bytes() + needed > self._memory_bytes:
            idle = [each for each in self._slots.values() if self._may_go(each)]
            if not idle:
                raise self._no_room(slot.spec, needed)
            await self._evict(min(idle, key=lambda each: each.used_at))

    def _may_go(self, slot: _Slot[ModelT]) -> bool:
        return slot.model is not None and slot.leases == 0 and not self._is_default(slot)

    async def _evict(self, slot: _Slot[ModelT]) -> None:
        model, slot.model = slot.model, None
        assert model is not None
        metrics.MODEL_EVICTIONS.labels(slot.spec.name).inc()
        _gauge(model).set(0)
        self._measure()
        _LOG.info("gave up %s in %s for another model", slot.spec.name, slot.precision)
        await asyncio.to_thread(model.close)

    def _no_room(self, spec: ModelSpec, needed: int) -> LorekeepError:
        if any(slot.model and slot.leases and not self._is_default(slot) for slot in self._slots.values()):
            return Overloaded(
                f"Models that are in use leave no memory for {spec.name}. Try again shortly.", retry_after_seconds=1.0
            )
        return Unavailable(
            f"{spec.name} needs about {needed // _MEBIBYTE} MiB, which LOREKEEP_MODELS_MEMORY_MB = "
            f"{self._memory_bytes // _MEBIBYTE} does not leave. Raise it, or use a smaller model.",
            reason="models_memory_full",
        )

    def _is_default(self, slot: _Slot[ModelT]) -> bool:
        return slot.spec.name == self._default and slot.precision == self._source.precisions[0]

    def _held_bytes(self) -> int:
        return sum(slot.model.memory_bytes for slot in self._slots.values() if slot.model)

    def _measure(self) -> None:
        metrics.MODELS_MEMORY_BYTES.set(self._held_bytes())


def _gauge(model: Held) -> Gauge:
    told = model.description
    return metrics.MODELS_LOADED.labels(told.name, told.backend, told.precision, told.device)


def _not_loaded(spec: ModelSpec) -> Unavailable:
    return Unavailable(
        f"{spec.name} could not be loaded; the embedder's log says why. Try again, or use another model.",
        reason="model_not_loaded",
    )


def _still_loading(spec: ModelSpec) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"{spec.name} is still being loaded. Ask again, or load it ahead of its use by LoadModel.",
        reason="model_loading",
    )
