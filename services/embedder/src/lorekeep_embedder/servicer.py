"""The gRPC side: decode, call, encode."""

from collections.abc import AsyncIterator
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep_embedder import rerank_request
from lorekeep_embedder.embed_answer import embed_answer
from lorekeep_embedder.embed_request import dimensions_of, texts_of
from lorekeep_embedder.shelf import Shelf

SERVICE = embedder_pb2.DESCRIPTOR.services_by_name["EmbedderService"].full_name


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """`lorekeep.embedder.v1.EmbedderService` over a shelf of models."""

    def __init__(self, shelf: Shelf, rerank_model: str = "") -> None:
        self._shelf = shelf
        self._rerank_model = rerank_model

    async def Embed(self, request: embedder_pb2.EmbedRequest, context: Any) -> embedder_pb2.EmbedResponse:
        model = self._shelf.named(request.model)
        model.expect(request.expected_fingerprint)
        texts = texts_of(request, model.spec)
        sparse_beside = dimensions_of(request, model.spec) if request.sparse else None
        made = await model.embed(texts, truncate=request.truncate, sparse_beside=sparse_beside)
        return embed_answer(request, model, made)

    async def EmbedStream(
        self, request_iterator: AsyncIterator[embedder_pb2.EmbedStreamRequest], context: Any
    ) -> AsyncIterator[embedder_pb2.EmbedStreamResponse]:
        async for each in request_iterator:
            yield embedder_pb2.EmbedStreamResponse(response=await self.Embed(each.request, context))

    async def Rerank(self, request: embedder_pb2.RerankRequest, context: Any) -> embedder_pb2.RerankResponse:
        model = self._shelf.reranker(request.model, self._rerank_model)
        texts = rerank_request.checked(request, model.spec)
        made = await model.rerank(request.query, texts, truncate=request.truncate)
        return rerank_request.rerank_answer(model, made)

    async def LoadModel(self, request: embedder_pb2.LoadModelRequest, context: Any) -> embedder_pb2.LoadModelResponse:
        return embedder_pb2.LoadModelResponse(model=self._shelf.named(request.model).description)

    async def ListModels(
        self, request: embedder_pb2.ListModelsRequest, context: Any
    ) -> embedder_pb2.ListModelsResponse:
        return embedder_pb2.ListModelsResponse(models=[model.description for model in self._shelf.models()])

    async def GetTokenizer(
        self, request: embedder_pb2.GetTokenizerRequest, context: Any
    ) -> AsyncIterator[embedder_pb2.GetTokenizerResponse]:
        model = self._shelf.with_tokenizer(request.tokenizer_fingerprint)
        for piece in model.tokenizer.pieces():
            yield embedder_pb2.GetTokenizerResponse(data=piece)
