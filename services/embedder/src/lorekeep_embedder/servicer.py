"""The gRPC side: decode, call, encode."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep_embedder.answering import rerank_request, streams
from lorekeep_embedder.answering.embed_answer import embed_answer
from lorekeep_embedder.answering.embed_request import texts_of
from lorekeep_embedder.answering.rerankers import Rerankers
from lorekeep_embedder.caching.vector_cache import Uncached, Vectors
from lorekeep_embedder.models.loaded_model import LoadedModel
from lorekeep_embedder.models.shelf import Shelf

_PIECE_BYTES = 1024 * 1024
SERVICE = embedder_pb2.DESCRIPTOR.services_by_name["EmbedderService"].full_name


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """`lorekeep.embedder.v1.EmbedderService` over a shelf of models."""

    def __init__(self, shelf: Shelf[LoadedModel], rerank_model: str = "", vectors: Vectors | None = None) -> None:
        self._shelf = shelf
        self._vectors = vectors or Uncached()
        self._rerankers = Rerankers(shelf, rerank_model)

    async def Embed(self, request: embedder_pb2.EmbedRequest, context: Any) -> embedder_pb2.EmbedResponse:
        async with self._shelf.using(request.model, request.expected_fingerprint) as model:
            texts = texts_of(request, model.spec)
            made = await self._vectors.embedded(model, request, texts)
            return embed_answer(request, model, made)

    async def EmbedStream(
        self, request_iterator: AsyncIterator[embedder_pb2.EmbedStreamRequest], context: Any
    ) -> AsyncIterator[embedder_pb2.EmbedStreamResponse]:
        async with aclosing(streams.answers(request_iterator, lambda each: self.Embed(each, context))) as answers:
            async for answer in answers:
                yield answer

    async def Rerank(self, request: embedder_pb2.RerankRequest, context: Any) -> embedder_pb2.RerankResponse:
        async with self._shelf.using(await self._rerankers.named(request.model), kind="reranker") as model:
            texts = rerank_request.checked(request)
            made = await model.rerank(request.query, texts, truncate=request.truncate)
            return rerank_request.rerank_answer(model, made)

    async def LoadModel(self, request: embedder_pb2.LoadModelRequest, context: Any) -> embedder_pb2.LoadModelResponse:
        async with self._shelf.using(request.model, kind=None) as model:
            return embedder_pb2.LoadModelResponse(model=model.description)

    async def ListModels(
        self, request: embedder_pb2.ListModelsRequest, context: Any
    ) -> embedder_pb2.ListModelsResponse:
        return embedder_pb2.ListModelsResponse(models=await self._shelf.models())

    async def GetTokenizer(
        self, request: embedder_pb2.GetTokenizerRequest, context: Any
    ) -> AsyncIterator[embedder_pb2.GetTokenizerResponse]:
        content = await self._shelf.tokenizer(request.tokenizer_fingerprint)
        for start in range(0, len(content), _PIECE_BYTES):
            yield embedder_pb2.GetTokenizerResponse(data=content[start : start + _PIECE_BYTES])
