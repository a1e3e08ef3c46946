"""What the ingest role asks of the embedder: models, tokenizers, vectors."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.embedder.v1.embedder_pb2_grpc import EmbedderServiceStub
from lorekeep.parser.v1.parser_pb2 import Vectors
from lorekeep_chassis import calls, errors
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.models import of_name

# Of an interactive job so many chunks go in the interactive lane, some fifteen pages or two seconds of one core: what
# a person waits for after an upload. What follows is a long document, and people's queries do not wait behind it.
INTERACTIVE_CHUNKS = 64
# The embedder takes an organisation's requests of a lane in their order, so a query waits for what was asked before
# it; four chunks are about two of its batches.
INTERACTIVE_REQUEST_CHUNKS = 4
_BYTES_PER_NUMBER = 4
_TOKENIZERS_KEPT = 4


class Embedding:
    """The embedder, waited for where it is down. Tokenizers are kept by fingerprint, which names their bytes."""

    def __init__(self, stub: EmbedderServiceStub, settings: IngestSettings) -> None:
        self._stub = stub
        self._settings = settings
        self._tokenizers: OrderedDict[str, bytes] = OrderedDict()
        self._fetching = asyncio.Lock()

    async def model(self, name: str) -> embedder_pb2.Model:
        """The model of that name, with or without its owner (BAAI/bge-small-en-v1.5), the default for an empty one.

        NotFound where the embedder has none such.
        """
        model = of_name(await patiently(self._models, self._settings.retry_seconds), name)
        if model is None:
            raise errors.NotFound(
                f"The embedder serves no model {name!r}. Set EMBEDDING_MODEL to one that it lists.",
                reason="model_unknown",
            )
        return model

    async def _models(self) -> Sequence[embedder_pb2.Model]:
        with calls.deadline(self._settings.stage_deadline_seconds):
            answer: embedder_pb2.ListModelsResponse = await self._stub.ListModels(embedder_pb2.ListModelsRequest())
        return answer.models

    async def tokenizer(self, fingerprint: str) -> bytes:
        """The tokenizer.json of that fingerprint."""
        async with self._fetching:
            if fingerprint not in self._tokenizers:
                self._tokenizers[fingerprint] = await patiently(
                    lambda: self._tokenizer(fingerprint), self._settings.retry_seconds
                )
            self._tokenizers.move_to_end(fingerprint)
            while len(self._tokenizers) > _TOKENIZERS_KEPT:
                self._tokenizers.popitem(last=False)
            return self._tokenizers[fingerprint]

    async def _tokenizer(self, fingerprint: str) -> bytes:
        request = embedder_pb2.GetTokenizerRequest(tokenizer_fingerprint=fingerprint)
        with calls.deadline(self._settings.stage_deadline_seconds):
            return b"".join([piece.data async for piece in self._stub.GetTokenizer(request)])

    async def vectors(self, model: str, fingerprint: str, chunks: Sequence[Chunk]) -> list[bytes]:
        """One vector a chunk, little-endian float32, in the lane of the running call as far as the chunk belongs there.

        ModelMismatch where the embedder serves another fingerprint.
        """
        found: list[bytes] = []
        for lane, portion in _portions(calls.current().lane, chunks):
            with calls.calling_as(replace(calls.current(), lane=lane)):
                answer = await self._embedded(model, fingerprint, [embedded_text(each) for each in portion])
                size = answer.model.dimensions * _BYTES_PER_NUMBER
                found += [answer.vectors[start : start + size] for start in range(0, len(answer.vectors), size)]
        return found

    def supplies(self, generation: Mapping[str, Any]) -> "ModelSupplies":
        """What the parser may ask for while it works for a generation."""
        return ModelSupplies(self, generation)

    async def of_sentences(self, model: str, fingerprint: str, texts: Sequence[str]) -> Vectors:
        """Vectors by which the parser finds where the meaning changes; nobody waits for them, so in the bulk lane."""
        with calls.calling_as(replace(calls.current(), lane=calls.Lane.BULK)):
            answer = await self._embedded(model, fingerprint, texts)
        return Vectors(vectors=answer.vectors, dimensions=answer.model.dimensions)

    async def _embedded(self, model: str, fingerprint: str, texts: Sequence[str]) -> embedder_pb2.EmbedResponse:
        request = embedder_pb2.EmbedRequest(
            model=model,
            texts=texts,
            purpose=embedder_pb2.PURPOSE_PASSAGE,
            expected_fingerprint=fingerprint,
        )
        answer = await patiently(lambda: self._embed(request), self._settings.retry_seconds)
        if len(answer.vectors) != answer.model.dimensions * _BYTES_PER_NUMBER * len(texts):
            raise errors.Internal
        return answer

    async def _embed(self, request: embedder_pb2.EmbedRequest) -> embedder_pb2.EmbedResponse:
        with calls.deadline(self._settings.stage_deadline_seconds):
            answer: embedder_pb2.EmbedResponse = await self._stub.Embed(request)
        return answer


class ModelSupplies:
    """Tokenizer and vectors of a generation's model, for the parser; see `parser_calls.Supplies`."""

    def __init__(self, embedding: Embedding, generation: Mapping[str, Any]) -> None:
        self._embedding = embedding
        self._generation = generation

    async def tokenizer(self) -> bytes:
        """The model's tokenizer.json."""
        return await self._embedding.tokenizer(self._generation["tokenizer_fingerprint"])

    async def vectors(self, texts: Sequence[str]) -> Vectors:
        """Vectors of sentences."""
        return await self._embedding.of_sentences(self._generation["model"], self._generation["fingerprint"], texts)


def _portions(lane: calls.Lane, chunks: Sequence[Chunk]) -> Iterator[tuple[calls.Lane, Sequence[Chunk]]]:
    """The requests that chunks are embedded in, each with its lane."""
    quick = [each for each in chunks if lane is calls.Lane.INTERACTIVE and each.ordinal < INTERACTIVE_CHUNKS]
    for start in range(0, len(quick), INTERACTIVE_REQUEST_CHUNKS):
        yield lane, quick[start : start + INTERACTIVE_REQUEST_CHUNKS]
    if len(quick) < len(chunks):
        yield calls.Lane.BULK, chunks[len(quick) :]


def embedded_text(chunk: Chunk) -> str:
    """What stands for a chunk in the index: its context, where it has one, above its text."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
