"""A loaded model: what it is, and its way from texts to vectors."""

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from lorekeep_chassis import calls, logs
from lorekeep_chassis import metrics as chassis_metrics
from lorekeep_chassis.calls import Lane
from lorekeep_embedder import metrics
from lorekeep_embedder.answering import answer_size
from lorekeep_embedder.backends.seam import Backend, Outputs
from lorekeep_embedder.models.descriptions import described
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.scheduling import batch_size
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.scheduling.throughput import Throughput
from lorekeep_embedder.texts.heads import Gone
from lorekeep_embedder.texts.text_lists import utf8_bytes
from lorekeep_embedder.texts.tokenizer import Tokenised, Tokenizer
from lorekeep_embedder.texts.tokenizer_threads import Tokenise, TokenizerThreads

_LOG = logs.logger(__name__)

# Low on purpose, so that the estimate by which a request is admitted is seldom under what is counted afterwards.
_BYTES_A_TOKEN = 3


@dataclass(frozen=True)
class Computed:
    """What a model made of a request; each text's tokens, and where texts were cut."""

    outputs: Outputs
    token_counts: Sequence[int]
    truncated: frozenset[int]

    @property
    def token_count(self) -> int:
        """Tokens of all texts."""
        return sum(self.token_counts)

    @property
    def truncated_count(self) -> int:
        """Texts that were cut."""
        return len(self.truncated)


class LoadedModel:
    """A model that is ready to serve; `scheduler` computes for it."""

    def __init__(self, spec: ModelSpec, tokenizer: Tokenizer, backend: Backend, scheduler: Scheduler) -> None:
        self.spec = spec
        self.tokenizer = tokenizer
        self._backend = backend
        self._scheduler = scheduler
        self._threads = TokenizerThreads(scheduler.sessions)
        self.memory_bytes = backend.memory_bytes
        self.description = described(spec, tokenizer.fingerprint, backend, loaded=True)
        measured = _warm_up(spec, tokenizer, backend, scheduler.batch_tokens)
        self._throughput = _throughput(measured, scheduler.sessions)
        metrics.BATCH_TOKENS.labels(spec.name).set(measured.batch.tokens)
        _LOG.info("batches measured", extra={"lorekeep": {"model": spec.name, **measured._asdict()}})

    def close(self) -> None:
        """Gives the model's memory back; nothing is asked of it afterwards."""
        self._threads.close()
        self._backend.close()

    async def embed(self, texts: Sequence[str], *, truncate: bool, sparse_beside: int | None = None) -> Computed:
        """Vectors of `texts` for the running call; Overloaded, LimitExceeded, InvalidInput `text_too_long`,
        DeadlineExceeded.

        TooLarge where sparse vectors are wanted beside dense ones of `sparse_beside` numbers, and both together could
        be over a message's bound.
        """

        def tokenise(gone: Gone) -> Tokenised:
            tokenised = self.tokenizer.tokenised(texts, truncate=truncate, gone=gone)
            if sparse_beside is not None:
                answer_size.check_sparse(tokenised.texts, sparse_beside)
            return tokenised

        return await self.computed(texts, tokenise)

    async def rerank(self, query: str, texts: Sequence[str], *, truncate: bool) -> Computed:
        """Scores of `texts` against `query`; errors as for `embed`, and InvalidInput `query_too_long`."""

        def tokenise(gone: Gone) -> Tokenised:
            return self.tokenizer.paired(query, texts, truncate=truncate, gone=gone)

        return await self.computed(texts, tokenise, beside=query)

    async def computed(self, texts: Sequence[str], tokenise: Tokenise, *, beside: str = "") -> Computed:
        """What the model makes of what `tokenise` makes of `texts`, admitted by their size; errors as for `embed`.

        `beside` is read with each of them.
        """
        lane, begin = calls.current().lane, time.perf_counter()
        each = utf8_bytes(beside)
        sizes = [utf8_bytes(text) + each for text in texts]
        tokens = sum(min(size // _BYTES_A_TOKEN + 2, self.spec.window_tokens) for size in sizes)
        async with self._scheduler.admission.admitted(self._throughput, len(texts), tokens, sum(sizes)) as ticket:
            tokenised = await self._threads.run(lane, [beside, *texts], lambda gone: _compact(tokenise(gone)))
            ticket.settle(tokenised.token_count)
            metrics.TRUNCATIONS.inc(tokenised.truncated_count)
            outputs = await self._scheduler.compute(self._backend, self._throughput, tokenised.texts)
        seconds = time.perf_counter() - begin
        chassis_metrics.labelled(metrics.GENERATION_SECONDS, lane).observe(seconds, chassis_metrics.exemplar())
        return Computed(outputs, tokenised.token_counts, tokenised.truncated)


def _compact(tokenised: Tokenised) -> Tokenised:
    """Texts may wait in their thousands: 4 bytes a token instead of some 36."""
    for tokens in tokenised.texts:
        tokens.ids = array("i", tokens.ids)
        if tokens.types is not None:
            tokens.types = array("b", tokens.types)
    return tokenised


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
