"""A loaded model: what it is, and its way from texts to vectors."""

import asyncio
import time
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls, logs
from lorekeep_chassis import metrics as chassis_metrics
from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import ModelMismatch
from lorekeep_embedder import batch_size, metrics, windows
from lorekeep_embedder.backends.seam import Backend, Outputs, Vectors
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.scheduler import Scheduler
from lorekeep_embedder.throughput import Throughput
from lorekeep_embedder.tokenizer import Tokenised, Tokenizer

_LOG = logs.logger(__name__)

# So much is tokenised in under a millisecond, which is less than a queue behind long texts costs.
_SHORT_BYTES = 2_000
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


@dataclass(frozen=True)
class Computed:
    """What a model made of a request, and what was counted on the way."""

    outputs: Outputs
    token_count: int
    truncated_count: int


class LoadedModel:
    """A model that is ready to serve; `scheduler` computes for it."""

    def __init__(self, spec: ModelSpec, tokenizer: Tokenizer, backend: Backend, scheduler: Scheduler) -> None:
        self.spec = spec
        self.tokenizer = tokenizer
        self._backend = backend
        self._scheduler = scheduler
        self._threads = ThreadPoolExecutor(scheduler.sessions, thread_name_prefix="tokenizer")
        self.description = _description(spec, tokenizer, backend)
        measured = _warm_up(spec, tokenizer, backend, scheduler.batch_tokens)
        self._throughput = _throughput(measured, scheduler.sessions)
        metrics.BATCH_TOKENS.labels(spec.name).set(measured.batch.tokens)
        _LOG.info("batches measured", extra={"lorekeep": {"model": spec.name, **measured._asdict()}})

    def close(self) -> None:
        """Gives the model's memory back; nothing is asked of it afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._backend.close()

    def expect(self, fingerprint: str) -> None:
        """ModelMismatch where a caller wants vectors of another fingerprint; an empty one takes what there is."""
        if fingerprint and fingerprint != self.description.fingerprint:
            raise ModelMismatch(
                f"{self.spec.name} is served here with the fingerprint {self.description.fingerprint[:12]}, not "
                f"{fingerprint[:12]}: its vectors do not mix with yours. Index again, or serve the former model."
            )

    async def embed(self, texts: Sequence[str], *, truncate: bool) -> Embedded:
        """Vectors of `texts` for the running call; Overloaded, LimitExceeded, InvalidInput `text_too_long`,
        DeadlineExceeded.
        """
        made = await self.computed(texts, lambda: self._tokenised(texts, truncate))
        return Embedded(made.outputs.vectors, made.token_count, made.truncated_count)

    async def computed(self, texts: Sequence[str], tokenise: Callable[[], Tokenised]) -> Computed:
        """What the model makes of what `tokenise` makes of `texts`, admitted by their size; errors as for `embed`."""
        lane, begin = calls.current().lane, time.perf_counter()
        sizes = [_utf8_bytes(text) for text in texts]
        tokens = sum(min(size // _BYTES_A_TOKEN + 2, self.spec.window_tokens) for size in sizes)
        async with self._scheduler.admission.admitted(self._throughput, len(texts), tokens, sum(sizes)) as ticket:
            tokenised = await self._beside_the_loop(tokenise, sum(sizes))
            ticket.settle(tokenised.token_count)
            metrics.TRUNCATIONS.inc(tokenised.truncated_count)
            outputs = await self._scheduler.compute(self._backend, self._throughput, tokenised.texts)
        seconds = time.perf_counter() - begin
        chassis_metrics.labelled(metrics.GENERATION_SECONDS, lane).observe(seconds, chassis_metrics.exemplar())
        return Computed(outputs, tokenised.token_count, tokenised.truncated_count)

    def _tokenised(self, texts: Sequence[str], truncate: bool) -> Tokenised:
        tokenised = self.tokenizer.tokenised([self._shortened(text) for text in texts], truncate=truncate)
        for tokens in tokenised.texts:
            # They may wait in their thousands: 4 bytes a token instead of some 36.
            tokens.ids = array("i", tokens.ids)
        return tokenised

    def _shortened(self, text: str) -> str:
        return windows.shortened(text, self.spec.window_tokens, self._is_too_long)

    def _is_too_long(self, text: str) -> bool:
        return self.tokenizer.tokenised([text], truncate=True).truncated_count > 0

    async def _beside_the_loop(self, tokenise: Callable[[], Tokenised], size_bytes: int) -> Tokenised:
        """Tokenises at once what is short, and in a thread what would hold everybody else up."""
        if size_bytes <= _SHORT_BYTES:
            return tokenise()
        return await asyncio.get_running_loop().run_in_executor(self._threads, tokenise)


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _warm_up(spec: ModelSpec, tokenizer: Tokenizer, backend: Backend, forced_tokens: int) -> batch_size.Measured:
    """A query and full batches, computed before anything is served: the first request is as quick as the tenth."""
    sentence = "The quick brown fox jumps over the lazy dog. "
    text = tokenizer.tokenised([sentence * (spec.window_tokens // 8 + 1)], truncate=True).texts[0]
    vectors = backend.compute([text]).vectors
    if vectors.shape != (1, spec.dimensions):
        raise ValueError(f"{spec.name} made {vectors.shape[1]} numbers a vector, its registry {spec.dimensions}")
    timer = batch_size.BatchTimer(backend, text)
    return batch_size.measured(timer, forced_tokens or backend.batch_tokens, forced=forced_tokens > 0)


def _throughput(measured: batch_size.Measured, sessions: int) -> Throughput:
    throughput = Throughput(sessions, measured.batch)
    throughput.observe(Lane.BULK, measured.batch.tokens, measured.batch.tokens / measured.tokens_a_second)
    throughput.observe(Lane.INTERACTIVE, measured.query_tokens, measured.query_seconds)
    return throughput


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
