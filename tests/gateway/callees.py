"""Parser, embedder and search as real gRPC servers in this process, with small memories."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.gateway.reader import FakeParser
from tests.ingest.services import TOKENIZER, vector_of

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.embedder.v1.embedder_pb2_grpc import EmbedderServiceServicer, add_EmbedderServiceServicer_to_server
from lorekeep.parser.v1.parser_pb2_grpc import add_ParserServiceServicer_to_server
from lorekeep.search.v1 import search_pb2
from lorekeep.search.v1.search_pb2_grpc import SearchServiceServicer, add_SearchServiceServicer_to_server
from lorekeep_chassis import calls, errors
from lorekeep_chassis.grpc_server import GrpcServer

TOKEN = "token-of-tests"


class FakeSearch(SearchServiceServicer):
    """Keeps chunks by organisation, finds all of them, and remembers what it was asked."""

    def __init__(self) -> None:
        self.chunks: dict[str, list[search_pb2.IndexedChunk]] = {}
        self.asked: list[Any] = []
        self.organisations: list[str] = []
        self.cached: dict[str, int] = {}
        self.failure: errors.LorekeepError | None = None
        self.open = asyncio.Event()
        self.open.set()

    def _begin(self, request: Any) -> list[search_pb2.IndexedChunk]:
        organisation = calls.current().organisation_id
        self.asked.append(request)
        self.organisations.append(organisation)
        if self.failure is not None:
            raise self.failure
        return self.chunks.setdefault(organisation, [])

    async def Search(self, request: Any, context: Any) -> search_pb2.SearchResponse:
        kept = self._begin(request)
        await self.open.wait()
        wanted = {each.collection_id for each in request.targets}
        hits = [
            search_pb2.Hit(chunk=each, score=1 / (place + 1), scores=search_pb2.LegScores(dense=0.5))
            for place, each in enumerate(kept)
            if each.collection_id in wanted
        ]
        stages = [search_pb2.StageTime(stage="embed", duration_ms=1.5)]
        return search_pb2.SearchResponse(hits=hits[: request.limit], stages=stages)

    async def Prepare(self, request: Any, context: Any) -> search_pb2.PrepareResponse:
        self._begin(request)
        return search_pb2.PrepareResponse()

    async def Remove(self, request: Any, context: Any) -> search_pb2.RemoveResponse:
        kept = self._begin(request)
        gone = [each for each in kept if _within(each, request.scope)]
        kept[:] = [each for each in kept if not _within(each, request.scope)]
        return search_pb2.RemoveResponse(chunk_count=len(gone))

    async def ListChunks(self, request: Any, context: Any) -> search_pb2.ListChunksResponse:
        found = [each for each in self._begin(request) if _within(each, request.scope)]
        found = [each for each in found if each.chunk.ordinal >= request.from_ordinal]
        return search_pb2.ListChunksResponse(chunks=found[: request.limit])

    async def Tally(self, request: Any, context: Any) -> search_pb2.TallyResponse:
        """All chunks count as visible."""
        tallies: dict[str, search_pb2.VersionTally] = {}
        for each in self._begin(request):
            if _within(each, request.scope) and each.version_id > request.after_version_id:
                made = search_pb2.VersionTally(version_id=each.version_id, document_id=each.document_id)
                tally = tallies.setdefault(each.version_id, made)
                tally.chunk_count += 1
                tally.standing_count += 1
        page = sorted(tallies.values(), key=lambda each: each.version_id)
        return search_pb2.TallyResponse(versions=page[: request.limit or 1000])

    async def Forget(self, request: Any, context: Any) -> search_pb2.ForgetResponse:
        self._begin(request)
        return search_pb2.ForgetResponse(entry_count=self.cached.pop(calls.current().organisation_id, 0))


class FakeEmbedder(EmbedderServiceServicer):
    """Serves one model of 256 tokens, away while `failure` is set."""

    def __init__(self) -> None:
        self.model = embedder_pb2.Model(
            name="m", fingerprint="f", dimensions=4, window_tokens=256, tokenizer_fingerprint="t", passage_prompt="p: "
        )
        self.failure: errors.LorekeepError | None = None
        self.lanes: list[calls.Lane] = []

    async def ListModels(self, request: Any, context: Any) -> embedder_pb2.ListModelsResponse:
        if self.failure is not None:
            raise self.failure
        return embedder_pb2.ListModelsResponse(models=[self.model])

    async def GetTokenizer(self, request: Any, context: Any) -> AsyncIterator[embedder_pb2.GetTokenizerResponse]:
        assert request.tokenizer_fingerprint == self.model.tokenizer_fingerprint
        yield embedder_pb2.GetTokenizerResponse(data=TOKENIZER)

    async def Embed(self, request: Any, context: Any) -> embedder_pb2.EmbedResponse:
        self.lanes.append(calls.current().lane)
        return embedder_pb2.EmbedResponse(vectors=b"".join(map(vector_of, request.texts)), model=self.model)


def _within(chunk: search_pb2.IndexedChunk, scope: search_pb2.Scope) -> bool:
    return (
        chunk.collection_id == scope.collection_id
        and scope.document_id in ("", chunk.document_id)
        and scope.version_id in ("", chunk.version_id)
    )


@dataclass
class Servers:
    """The three, and where each listens."""

    search: FakeSearch
    parser: FakeParser
    embedder: FakeEmbedder
    targets: dict[str, str]
    servers: dict[str, GrpcServer] = field(default_factory=dict)


@asynccontextmanager
async def listening() -> AsyncIterator[Servers]:
    search, parser, embedder = FakeSearch(), FakeParser(), FakeEmbedder()
    makers = {
        "parser": (
            "lorekeep.parser.v1.ParserService",
            lambda server: add_ParserServiceServicer_to_server(parser, server),
        ),
        "embedder": (
            "lorekeep.embedder.v1.EmbedderService",
            lambda server: add_EmbedderServiceServicer_to_server(embedder, server),
        ),
        "search": (
            "lorekeep.search.v1.SearchService",
            lambda server: add_SearchServiceServicer_to_server(search, server),
        ),
    }
    servers = {role: GrpcServer("127.0.0.1:0", TOKEN, [name], add) for role, (name, add) in makers.items()}
    for each in servers.values():
        await each.start()
        await each.set_serving(True)
    try:
        yield Servers(
            search, parser, embedder, {role: f"127.0.0.1:{each.port}" for role, each in servers.items()}, servers
        )
    finally:
        for each in servers.values():
            await each.drain(0)
