"""What the ingest role asks of the embedder: models, tokenizers, vectors."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.embedder.v1.embedder_pb2_grpc import EmbedderServiceStub
from lorekeep_chassis import calls, errors
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.settings import IngestSettings

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
        """The model of that name, the default for an empty one; NotFound where the embedder has none such."""
        models = await patiently(self._models, self._settings.retry_seconds)
        for each in models:
            if name in ("", each.name):
                return each
        raise errors.NotFound(
            f"The embedder serves no model {name!r}. Set EMBEDDING_MODEL to one that it lists.", reason="model_unknown"
        )

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
        """One vector a chunk, little-endian float32. ModelMismatch where the embedder serves another fingerprint."""
        request = embedder_pb2.EmbedRequest(
            model=model,
            texts=[embedded_text(each) for each in chunks],
            purpose=embedder_pb2.PURPOSE_PASSAGE,
            expected_fingerprint=fingerprint,
        )
        answer = await patiently(lambda: self._embed(request), self._settings.retry_seconds)
        size = answer.model.dimensions * _BYTES_PER_NUMBER
        if len(answer.vectors) != size * len(chunks):
            raise errors.Internal
        return [answer.vectors[start : start + size] for start in range(0, len(answer.vectors), size)]

    async def _embed(self, request: embedder_pb2.EmbedRequest) -> embedder_pb2.EmbedResponse:
        with calls.deadline(self._settings.stage_deadline_seconds):
            answer: embedder_pb2.EmbedResponse = await self._stub.Embed(request)
        return answer


def embedded_text(chunk: Chunk) -> str:
    """What stands for a chunk in the index: its context, where it has one, above its text."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
