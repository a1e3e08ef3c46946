"""A loaded model: what it is, and its way from texts to vectors."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from lorekeep_chassis import calls
from lorekeep_chassis import metrics as chassis_metrics
from lorekeep_embedder import answer_size, metrics
from lorekeep_embedder.admission import Admission, Throughput, bounds_of
from lorekeep_embedder.backends.seam import Backend, Outputs
from lorekeep_embedder.descriptions import described
from lorekeep_embedder.heads import Gone
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.scheduler import Scheduler
from lorekeep_embedder.tokenizer import Tokenised, Tokenizer
from lorekeep_embedder.tokenizer_threads import Tokenise, TokenizerThreads

# Low on purpose, so that the estimate by which a request is admitted is seldom under what is counted afterwards.
_BYTES_A_TOKEN = 3


@dataclass(frozen=True)
class Computed:
    """What a model made of a request, in the order given, and what was counted on the way."""

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
        self._throughput = Throughput(scheduler.sessions)
        self._admission = Admission(bounds_of(backend, scheduler.sessions), self._throughput)
        self._threads = TokenizerThreads(scheduler.sessions)
        self.memory_bytes = backend.memory_bytes
        self.description = described(spec, tokenizer.fingerprint, backend, loaded=True)
        _warm_up(spec, tokenizer, backend, self._throughput)

    def close(self) -> None:
        """Gives the model's memory back; nothing is asked of it afterwards."""
        self._threads.close()
        self._backend.close()

    async def embed(self, texts: Sequence[str], *, truncate: bool, sparse_beside: int | None = None) -> Computed:
        """Vectors of `texts` for the running call; Overloaded, InvalidInput `text_too_long`, DeadlineExceeded.

        TooLarge where sparse vectors are wanted beside dense ones of `sparse_beside` numbers, and both together could
        be over a message's bound.
        """

        def tokenise(gone: Gone) -> Tokenised:
            tokenised = self.tokenizer.tokenised(texts, truncate=truncate, gone=gone)
            if sparse_beside is not None:
                answer_size.check_sparse(tokenised.texts, sparse_beside)
            return tokenised

        return await self.computed(texts, self._estimated_tokens(texts), tokenise)

    async def rerank(self, query: str, texts: Sequence[str], *, truncate: bool) -> Computed:
        """Scores of `texts` against `query`; errors as for `embed`, and InvalidInput `query_too_long`."""

        def tokenise(gone: Gone) -> Tokenised:
            return self.tokenizer.paired(query, texts, truncate=truncate, gone=gone)

        beside = len(query.encode()) // _BYTES_A_TOKEN + 1
        return await self.computed([query, *texts], self._estimated_tokens(texts, beside), tokenise)

    async def computed(self, texts: Sequence[str], estimated_tokens: int, tokenise: Tokenise) -> Computed:
        """What the model makes of what `tokenise` makes of `texts`; errors as for `embed`."""
        lane, begin = calls.current().lane, time.perf_counter()
        with self._admission.admitted(lane, len(texts), estimated_tokens) as ticket:
            tokenised = await self._threads.run(lane, texts, tokenise)
            ticket.settle(tokenised.token_count)
            metrics.TRUNCATIONS.inc(tokenised.truncated_count)
            outputs = await self._scheduler.compute(self._backend, self._throughput, tokenised.texts)
        seconds = time.perf_counter() - begin
        metrics.GENERATION_SECONDS.labels(lane).observe(seconds, chassis_metrics.exemplar())
        return Computed(outputs, tokenised.token_count, tokenised.truncated_count)

    def _estimated_tokens(self, texts: Sequence[str], beside: int = 0) -> int:
        """Of texts, each with so many more; none is over the window, since a longer one is cut or refused."""
        window = self.spec.window_tokens
        return sum(min(len(text.encode()) // _BYTES_A_TOKEN + 2 + beside, window) for text in texts)


def _warm_up(spec: ModelSpec, tokenizer: Tokenizer, backend: Backend, throughput: Throughput) -> None:
    """A query and a full batch, computed before anything is served: the first request is as quick as the tenth."""
    sentence = "The quick brown fox jumps over the lazy dog. "
    for texts in ([sentence], [sentence * 12] * max(1, backend.batch_tokens // 128)):
        tokenised = _read(spec, tokenizer, texts)
        begin = time.perf_counter()
        vectors = backend.compute(tokenised.texts).vectors
        throughput.observe(tokenised.token_count, time.perf_counter() - begin)
        if vectors.shape != (len(texts), spec.dimensions):
            raise ValueError(f"{spec.name} made {vectors.shape[1]} numbers a vector, its registry {spec.dimensions}")


def _read(spec: ModelSpec, tokenizer: Tokenizer, texts: Sequence[str]) -> Tokenised:
    if spec.kind == "reranker":
        return tokenizer.paired(texts[0][:16], texts, truncate=True)
    return tokenizer.tokenised(texts, truncate=True)
