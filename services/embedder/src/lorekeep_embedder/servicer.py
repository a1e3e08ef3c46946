"""The gRPC side: decode, call, encode."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep_chassis.errors import NotFound
from lorekeep_embedder import streams
from lorekeep_embedder.embed_request import texts_of
from lorekeep_embedder.shelf import Shelf

SERVICE = embedder_pb2.DESCRIPTOR.services_by_name["EmbedderService"].full_name


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """`lorekeep.embedder.v1.EmbedderService` over a shelf of models."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def Embed(self, request: embedder_pb2.EmbedRequest, context: Any) -> embedder_pb2.EmbedResponse:
        model = self._shelf.named(request.model)
        model.expect(request.expected_fingerprint)
        texts = texts_of(request, model.spec)
        made = await model.embed(texts, truncate=request.truncate)
        return embedder_pb2.EmbedResponse(
            vectors=made.little_endian(),
            model=model.description,
            token_count=made.token_count,
            truncated_count=made.truncated_count,
        )

    async def EmbedStream(
        self, request_iterator: AsyncIterator[embedder_pb2.EmbedStreamRequest], context: Any
    ) -> AsyncIterator[embedder_pb2.EmbedStreamResponse]:
        async with aclosing(streams.answers(request_iterator, lambda each: self.Embed(each, context))) as answers:
            async for answer in answers:
                yield answer

    async def Rerank(self, request: embedder_pb2.RerankRequest, context: Any) -> embedder_pb2.RerankResponse:
        raise NotFound(
            "No reranker is installed here. Search without reranking, or install one of `lorekeep models list`.",
            reason="reranker_missing",
        )

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
