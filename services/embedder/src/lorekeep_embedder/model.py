"""A loaded model: what it is, and its way from texts to vectors."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls
from lorekeep_chassis import metrics as chassis_metrics
from lorekeep_chassis.errors import ModelMismatch
from lorekeep_embedder import metrics
from lorekeep_embedder.admission import Admission, Throughput, bounds_of
from lorekeep_embedder.backends.seam import Backend, Vectors
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.scheduler import Scheduler
from lorekeep_embedder.tokenizer import Tokenised, Tokenizer

# Fewer characters are tokenised in under a millisecond, which is less than a queue behind long texts costs.
_SHORT_CHARACTERS = 2_000
# Low on purpose, so that the estimate by which a request is admitted is seldom under what is counted afterwards.
_BYTES_A_TOKEN = 3


@dataclass(frozen=True)
class Embedded:
    """Vectors of a request, texts x dimensions in the order given, and what was counted on the way."""

    vectors: Vectors
    token_count: int
    truncated_count: int

    def little_endian(self) -> bytes:
        """The vectors, one after another, as the contract sends them."""
        return self.vectors.astype("<f4", copy=False).tobytes()


class LoadedModel:
    """A model that is ready to serve; `scheduler` computes for it."""

    def __init__(self, spec: ModelSpec, tokenizer: Tokenizer, backend: Backend, scheduler: Scheduler) -> None:
        self.spec = spec
        self.tokenizer = tokenizer
        self._backend = backend
        self._scheduler = scheduler
        self._throughput = Throughput(scheduler.sessions)
        self._admission = Admission(bounds_of(backend, scheduler.sessions), self._throughput)
        self._threads = ThreadPoolExecutor(scheduler.sessions, thread_name_prefix="tokenizer")
        self.description = _description(spec, tokenizer, backend)
        _warm_up(spec, tokenizer, backend, self._throughput)
        self._facts = (spec.name, backend.name, backend.device, backend.precision)
        metrics.MODEL_INFO.labels(*self._facts).set(1)

    def close(self) -> None:
        """Gives the model's memory back; nothing is asked of it afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._backend.close()
        metrics.MODEL_INFO.remove(*self._facts)

    def expect(self, fingerprint: str) -> None:
        """ModelMismatch where a caller wants vectors of another fingerprint; an empty one takes what there is."""
        if fingerprint and fingerprint != self.description.fingerprint:
            raise ModelMismatch(
                f"{self.spec.name} is served here with the fingerprint {self.description.fingerprint[:12]}, not "
                f"{fingerprint[:12]}: its vectors do not mix with yours. Index again, or serve the former model."
            )

    async def embed(self, texts: Sequence[str], *, truncate: bool) -> Embedded:
        """Vectors of `texts` for the running call; Overloaded, InvalidInput `text_too_long`, DeadlineExceeded."""
        lane, begin = calls.current().lane, time.perf_counter()
        with self._admission.admitted(lane, len(texts), _estimated_tokens(texts)) as ticket:
            tokenised = await self._tokenised(texts, truncate)
            ticket.settle(tokenised.token_count)
            metrics.TRUNCATIONS.inc(tokenised.truncated_count)
            outputs = await self._scheduler.compute(self._backend, self._throughput, tokenised.texts)
        seconds = time.perf_counter() - begin
        metrics.GENERATION_SECONDS.labels(lane).observe(seconds, chassis_metrics.exemplar())
        return Embedded(outputs.vectors, tokenised.token_count, tokenised.truncated_count)

    async def _tokenised(self, texts: Sequence[str], truncate: bool) -> Tokenised:
        if sum(map(len, texts)) <= _SHORT_CHARACTERS:
            return self.tokenizer.tokenised(texts, truncate=truncate)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self.tokenizer.tokenised(texts, truncate=truncate))


def _estimated_tokens(texts: Sequence[str]) -> int:
    return sum(len(text.encode()) // _BYTES_A_TOKEN + 2 for text in texts)


def _warm_up(spec: ModelSpec, tokenizer: Tokenizer, backend: Backend, throughput: Throughput) -> None:
    """A query and a full batch, computed before anything is served: the first request is as quick as the tenth."""
    sentence = "The quick brown fox jumps over the lazy dog. "
    for texts in ([sentence], [sentence * 12] * max(1, backend.batch_tokens // 128)):
        tokenised = tokenizer.tokenised(texts, truncate=True)
        begin = time.perf_counter()
        vectors = backend.compute(tokenised.texts).vectors
        throughput.observe(tokenised.token_count, time.perf_counter() - begin)
        if vectors.shape != (len(texts), spec.dimensions):
            raise ValueError(f"{spec.name} made {vectors.shape[1]} numbers a vector, its registry {spec.dimensions}")


def _description(spec: ModelSpec, tokenizer: Tokenizer, backend: Backend) -> embedder_pb2.Model:
    return embedder_pb2.Model(
        name=spec.name,
        fingerprint=spec.fingerprint(tokenizer.fingerprint, backend.precision),
        dimensions=spec.dimensions,
        window_tokens=spec.window_tokens,
        distance=spec.proto_distance,
        tokenizer_fingerprint=tokenizer.fingerprint,
        backend=backend.name,
        precision=backend.precision,
        device=backend.device,
        revision=spec.weights_sha256,
        passage_prompt=spec.passage_prompt,
    )
