"""The gRPC face of search: decode, call, encode."""

from typing import Any

from lorekeep.search.v1 import search_pb2, search_pb2_grpc
from lorekeep_search.indexing import Indexer
from lorekeep_search.query_vectors import QueryVectors
from lorekeep_search.searching import Searcher

SERVICE = "lorekeep.search.v1.SearchService"


class SearchServicer(search_pb2_grpc.SearchServiceServicer):
    """See search.proto; the organisation is the one of the call's context."""

    def __init__(self, searcher: Searcher, indexer: Indexer, query_vectors: QueryVectors) -> None:
        self._searcher = searcher
        self._indexer = indexer
        self._query_vectors = query_vectors

    async def Search(self, request: search_pb2.SearchRequest, context: Any) -> search_pb2.SearchResponse:
        return await self._searcher.search(request)

    async def Prepare(self, request: search_pb2.PrepareRequest, context: Any) -> search_pb2.PrepareResponse:
        await self._indexer.prepare(request)
        return search_pb2.PrepareResponse()

    async def Upsert(self, request: search_pb2.UpsertRequest, context: Any) -> search_pb2.UpsertResponse:
        return search_pb2.UpsertResponse(chunk_count=await self._indexer.upsert(request))

    async def Stamp(self, request: search_pb2.StampRequest, context: Any) -> search_pb2.StampResponse:
        await self._indexer.stamp(request)
        return search_pb2.StampResponse()

    async def Remove(self, request: search_pb2.RemoveRequest, context: Any) -> search_pb2.RemoveResponse:
        return search_pb2.RemoveResponse(chunk_count=await self._indexer.remove(request.scope))

    async def ListChunks(self, request: search_pb2.ListChunksRequest, context: Any) -> search_pb2.ListChunksResponse:
        return search_pb2.ListChunksResponse(chunks=await self._indexer.listed(request))

    async def Count(self, request: search_pb2.CountRequest, context: Any) -> search_pb2.CountResponse:
        return search_pb2.CountResponse(chunk_count=await self._indexer.count(request.scope))

    async def Tally(self, request: search_pb2.TallyRequest, context: Any) -> search_pb2.TallyResponse:
        return search_pb2.TallyResponse(versions=await self._indexer.tallied(request))

    async def Forget(self, request: search_pb2.ForgetRequest, context: Any) -> search_pb2.ForgetResponse:
        return search_pb2.ForgetResponse(entry_count=await self._query_vectors.forgotten())
