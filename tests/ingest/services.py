"""Parser, embedder and search as the ingest role meets them: real gRPC servers, small and honest inside."""

import asyncio
import hashlib
import json
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.document.v1.document_pb2 import Chunk, Element, ElementKind, Segment, Verdict
from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep.parser.v1 import parser_pb2, parser_pb2_grpc
from lorekeep.search.v1 import search_pb2, search_pb2_grpc
from lorekeep_chassis import calls, errors
from lorekeep_chassis.grpc_server import GrpcServer

TOKEN = "token-of-the-tests"
TOKENIZER = b"{}" + b" " * 1_200_000
NEVER = 2**62
MODEL = embedder_pb2.Model(
    name="tiny",
    fingerprint="tiny@1",
    dimensions=4,
    window_tokens=256,
    distance=embedder_pb2.DISTANCE_COSINE,
    tokenizer_fingerprint="words@1",
    passage_prompt="passage: ",
)
Hook = Callable[[int], None]


class Hooks:
    """What a service does beside its work: `hook(n)` runs at the n-th call, from 1, and may raise."""

    def __init__(self) -> None:
        self.hook: Hook = lambda number: None
        self.calls = 0
        self.hangs = False

    async def held(self) -> None:
        """Never answers while `hangs` is set."""
        if self.hangs:
            await asyncio.Event().wait()

    def called(self) -> None:
        self.calls += 1
        self.hook(self.calls)


class Parser(parser_pb2_grpc.ParserServiceServicer):
    """Reads text: form feeds end pages, lines are elements, two elements make a chunk, across pages too. A line such as
    `@["a.txt", "text"]` is a document inside of it."""

    def __init__(self) -> None:
        self.parse = Hooks()
        self.batch = Hooks()
        self.starts: list[parser_pb2.ParseStart] = []
        self.held_tokenizers: set[str] = set()
        self.pages: list[int] = []
        self.cuts = 0
        self.elements_a_chunk = 2
        self.ended = 0
        self.tidying_seconds = 0.0
        self.options: list[parser_pb2.ChunkOptions] = []
        self.vectors: list[parser_pb2.Vectors] = []

    async def Parse(self, requests: Any, context: Any) -> AsyncIterator[parser_pb2.ParseResponse]:
        stream = aiter(requests)
        start = (await anext(stream)).start
        self.starts.append(start)
        self.parse.called()
        await self.parse.held()
        required = start.chunk_options.tokenizer_fingerprint not in self.held_tokenizers
        yield parser_pb2.ParseResponse(accepted=parser_pb2.Accepted(tokenizer_required=required))
        content, tokenizer = b"", b""
        async for request in stream:
            assert len(request.data) <= 512 * 1024
            content += request.data
            tokenizer += request.tokenizer_data
            if len(content) == start.size_bytes and (not required or request.HasField("tokenizer_end")):
                break
        if required:
            assert tokenizer == TOKENIZER
            self.held_tokenizers.add(start.chunk_options.tokenizer_fingerprint)
        if start.chunk_options.strategy == parser_pb2.CHUNK_STRATEGY_SEMANTIC:
            texts = content.decode().split()[:2]
            yield parser_pb2.ParseResponse(vectors_required=parser_pb2.VectorsRequired(texts=texts))
            self.vectors.append((await anext(stream)).vectors)
        for response in _Reading(content, start, self).responses():
            yield response
        await asyncio.sleep(self.tidying_seconds)
        self.ended += 1

    async def Chunk(self, requests: Any, context: Any) -> AsyncIterator[parser_pb2.ChunkResponse]:
        """Asks for no tokenizer; cuts as Parse does. By meaning, it asks once all is there."""
        stream = aiter(requests)
        options = (await anext(stream)).start
        assert options.tokenizer_fingerprint
        self.options.append(options)
        self.cuts += 1
        yield parser_pb2.ChunkResponse(accepted=parser_pb2.Accepted())
        cutting, state = _Cutting(self.elements_a_chunk), _start_state()
        async for request in stream:
            assert not request.segment.chunks
            if request.HasField("segments_end"):
                break
            for element in request.segment.elements:
                for chunk in cutting.taken(state, element):
                    yield parser_pb2.ChunkResponse(chunk=chunk)
        if options.strategy == parser_pb2.CHUNK_STRATEGY_SEMANTIC:
            yield parser_pb2.ChunkResponse(vectors_required=parser_pb2.VectorsRequired(texts=["last"]))
            self.vectors.append((await anext(stream)).vectors)
        for chunk in cutting.rest(state):
            yield parser_pb2.ChunkResponse(chunk=chunk)


def _start_state() -> dict[str, Any]:
    return {"page": 0, "segment": 0, "attachment": 0, "element": 0, "chunk": 0, "offset": 0, "open": []}


class _Cutting:
    """So many elements make a chunk; `state` holds the open one and the count."""

    def __init__(self, size: int) -> None:
        self.size = size

    def taken(self, state: dict[str, Any], element: Element) -> Iterator[Chunk]:
        state["open"].append([element.text, element.start, element.end, element.page])
        if len(state["open"]) == self.size:
            yield from self.rest(state)

    def rest(self, state: dict[str, Any]) -> Iterator[Chunk]:
        parts, state["open"] = state["open"], []
        if parts:
            state["chunk"] += 1
            yield Chunk(
                ordinal=state["chunk"] - 1,
                text="".join(part[0] for part in parts),
                start=parts[0][1],
                end=parts[-1][2],
                page=parts[0][3],
                page_end=parts[-1][3],
                context="head" if parts[0][0].startswith("| ") else "",
            )


class _Reading(_Cutting):
    def __init__(self, content: bytes, start: parser_pb2.ParseStart, parser: Parser) -> None:
        if content.startswith(b"ENCRYPTED"):
            raise errors.InvalidInput("The file is encrypted. Upload it without a password.", reason="encrypted")
        if not content.strip():
            raise errors.InvalidInput("The file holds no text.", reason="empty_text")
        super().__init__(parser.elements_a_chunk)
        self.pages = content.decode().split("\f")
        self.batch_pages = start.batch_pages
        self.last_page = start.last_page or len(self.pages)
        self.wanted = start.attachments
        self.parser = parser
        self.state = json.loads(start.resume_state) if start.resume_state else _start_state()

    def responses(self) -> Iterator[parser_pb2.ParseResponse]:
        while self.state["page"] < min(self.last_page, len(self.pages)):
            yield from self._batch()
        if self.state["page"] < len(self.pages):
            return
        verdict = Verdict(
            pages_read=len(self.pages),
            pages_empty=sum(not page.strip() for page in self.pages),
            characters=self.state["offset"],
            route="lines",
            language="en",
            warnings=["odd: x"],
        )
        yield parser_pb2.ParseResponse(
            finished=parser_pb2.Finished(
                verdict=verdict,
                element_count=self.state["element"],
                chunk_count=self.state["chunk"],
                properties=document_pb2.Properties(title="Lines", authors=["A. Nother"]),
                attachment_count=self.state["attachment"],
            )
        )

    def _batch(self) -> Iterator[parser_pb2.ParseResponse]:
        begin, text, verdicts = self.state["offset"], "", []
        for page in self.pages[self.state["page"] : self.state["page"] + self.batch_pages]:
            self.state["page"] += 1
            self.parser.pages.append(self.state["page"])
            outcome = "PAGE_OUTCOME_READ" if page.strip() else "PAGE_OUTCOME_EMPTY"
            count = len(page.replace("\n", ""))
            verdicts.append(document_pb2.PageVerdict(page=self.state["page"], outcome=outcome, characters=count))
            for line in filter(None, page.strip("\n").split("\n")):
                if line.startswith("@["):
                    yield from self._attached(*json.loads(line[1:]))
                    continue
                text += line
                element = self._element(line)
                yield parser_pb2.ParseResponse(element=element)
                yield from (parser_pb2.ParseResponse(chunk=each) for each in self.taken(self.state, element))
        if self.state["page"] == len(self.pages):
            yield from (parser_pb2.ParseResponse(chunk=each) for each in self.rest(self.state))
        self.parser.batch.called()
        segment = Segment(ordinal=self.state["segment"], start=begin, text=text, pages=verdicts)
        self.state["segment"] += 1
        yield parser_pb2.ParseResponse(
            batch_end=parser_pb2.BatchEnd(
                pages_done=self.state["page"],
                pages_total=len(self.pages),
                resume_state=json.dumps(self.state).encode(),
                segment=segment,
            )
        )

    def _attached(self, name: str, text: str) -> Iterator[parser_pb2.ParseResponse]:
        if self.wanted:
            content = text.encode()
            told = parser_pb2.Attachment(ordinal=self.state["attachment"], name=name, size_bytes=len(content))
            self.state["attachment"] += 1
            yield parser_pb2.ParseResponse(attachment=told)
            for start in range(0, len(content), 1000):
                yield parser_pb2.ParseResponse(attachment_data=content[start : start + 1000])

    def _element(self, line: str) -> Element:
        element = Element(
            ordinal=self.state["element"],
            kind=ElementKind.ELEMENT_KIND_TEXT,
            text=line,
            page=self.state["page"],
            start=self.state["offset"],
            end=self.state["offset"] + len(line),
        )
        self.state["element"] += 1
        self.state["offset"] += len(line)
        return element


class Embedder(embedder_pb2_grpc.EmbedderServiceServicer):
    """Four numbers out of each text's hash."""

    def __init__(self) -> None:
        self.embed = Hooks()
        self.texts: list[str] = []
        self.lanes: list[tuple[calls.Lane, int]] = []

    async def ListModels(self, request: Any, context: Any) -> embedder_pb2.ListModelsResponse:
        return embedder_pb2.ListModelsResponse(models=[MODEL])

    async def GetTokenizer(self, request: Any, context: Any) -> AsyncIterator[embedder_pb2.GetTokenizerResponse]:
        for start in range(0, len(TOKENIZER), 1_000_000):
            yield embedder_pb2.GetTokenizerResponse(data=TOKENIZER[start : start + 1_000_000])

    async def Embed(self, request: Any, context: Any) -> embedder_pb2.EmbedResponse:
        assert request.expected_fingerprint == MODEL.fingerprint
        self.embed.called()
        await self.embed.held()
        self.lanes.append((calls.current().lane, len(request.texts)))
        self.texts += request.texts
        return embedder_pb2.EmbedResponse(vectors=b"".join(map(vector_of, request.texts)), model=MODEL)


def vector_of(text: str) -> bytes:
    return struct.pack("<4f", *hashlib.sha256(text.encode()).digest()[:4])


@dataclass
class Point:
    organisation: str
    chunk: search_pb2.IndexedChunk
    vector: bytes
    attributes: dict[str, list[Any]]
    from_epoch: int = NEVER
    to_epoch: int = NEVER


@dataclass
class Search(search_pb2_grpc.SearchServiceServicer):
    """Keeps points in a dictionary; a point written again is invisible again."""

    points: dict[str, Point] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    prepared: list[search_pb2.PrepareRequest] = field(default_factory=list)
    prepare: Hooks = field(default_factory=Hooks)
    upsert: Hooks = field(default_factory=Hooks)
    stamp: Hooks = field(default_factory=Hooks)
    remove: Hooks = field(default_factory=Hooks)
    tally: Hooks = field(default_factory=Hooks)
    cached: Counter[str] = field(default_factory=Counter)

    async def Prepare(self, request: Any, context: Any) -> search_pb2.PrepareResponse:
        self.prepared.append(request)
        await self.prepare.held()
        return search_pb2.PrepareResponse()

    async def Upsert(self, request: Any, context: Any) -> search_pb2.UpsertResponse:
        self.upsert.called()
        await self.upsert.held()
        size = len(request.vectors) // len(request.chunks)
        attributes = {
            each.field.name: [getattr(value, value.WhichOneof("kind")) for value in each.values]
            for each in request.attributes
        }
        for number, chunk in enumerate(request.chunks):
            vector = request.vectors[number * size : (number + 1) * size]
            self.points[chunk.chunk_id] = Point(calls.current().organisation_id, chunk, vector, attributes)
            self.written[chunk.chunk_id] += 1
        return search_pb2.UpsertResponse(chunk_count=len(request.chunks))

    async def Stamp(self, request: Any, context: Any) -> search_pb2.StampResponse:
        self.stamp.called()
        for stamp in request.stamps:
            for point in self._of(request.collection_id, version_id=stamp.version_id):
                if stamp.unseen_only and point.from_epoch != NEVER:
                    continue
                point.from_epoch = stamp.from_epoch if stamp.HasField("from_epoch") else point.from_epoch
                point.to_epoch = stamp.to_epoch if stamp.HasField("to_epoch") else point.to_epoch
        return search_pb2.StampResponse()

    async def Remove(self, request: Any, context: Any) -> search_pb2.RemoveResponse:
        self.remove.called()
        scope = request.scope
        gone = self._of(scope.collection_id, scope.document_id, scope.version_id)
        for point in gone:
            del self.points[point.chunk.chunk_id]
        return search_pb2.RemoveResponse(chunk_count=len(gone))

    async def Tally(self, request: Any, context: Any) -> search_pb2.TallyResponse:
        tallies: dict[str, search_pb2.VersionTally] = {}
        for each in self._of(request.scope.collection_id, request.scope.document_id):
            made = search_pb2.VersionTally(version_id=each.chunk.version_id, document_id=each.chunk.document_id)
            tally = tallies.setdefault(each.chunk.version_id, made)
            tally.chunk_count += 1
            tally.standing_count += each.from_epoch < NEVER == each.to_epoch
        page = [tallies[each] for each in sorted(tallies) if each > request.after_version_id]
        self.tally.called()
        return search_pb2.TallyResponse(versions=page[: request.limit or 1000])

    async def Forget(self, request: Any, context: Any) -> search_pb2.ForgetResponse:
        return search_pb2.ForgetResponse(entry_count=self.cached.pop(calls.current().organisation_id, 0))

    async def ListChunks(self, request: Any, context: Any) -> search_pb2.ListChunksResponse:
        scope = request.scope
        found = [each.chunk for each in self._of(scope.collection_id, scope.document_id, scope.version_id)]
        found = sorted((e for e in found if e.chunk.ordinal >= request.from_ordinal), key=lambda e: e.chunk.ordinal)
        return search_pb2.ListChunksResponse(chunks=found[: request.limit])

    def visible(self, collection_id: str, epoch: int) -> list[search_pb2.IndexedChunk]:
        """What a search at this epoch may find, by version and ordinal."""
        seen = [each.chunk for each in self._of(collection_id) if each.from_epoch <= epoch < each.to_epoch]
        return sorted(seen, key=lambda each: (each.version_id, each.chunk.ordinal))

    def _of(self, collection_id: str, document_id: str = "", version_id: str = "") -> list[Point]:
        return [
            each
            for each in self.points.values()
            if each.chunk.collection_id == collection_id
            and each.chunk.document_id in (document_id or each.chunk.document_id,)
            and each.chunk.version_id in (version_id or each.chunk.version_id,)
        ]


@dataclass
class Services:
    """All three, each behind a server of its own; `ports` by role."""

    parser: Parser = field(default_factory=Parser)
    embedder: Embedder = field(default_factory=Embedder)
    search: Search = field(default_factory=Search)
    ports: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[Services]:
    parts = {
        "parser": ("lorekeep.parser.v1.ParserService", parser_pb2_grpc.add_ParserServiceServicer_to_server),
        "embedder": ("lorekeep.embedder.v1.EmbedderService", embedder_pb2_grpc.add_EmbedderServiceServicer_to_server),
        "search": ("lorekeep.search.v1.SearchService", search_pb2_grpc.add_SearchServiceServicer_to_server),
    }
    servers = []
    for role, (name, add) in parts.items():
        servicer = getattr(services, role)
        server = GrpcServer("127.0.0.1:0", TOKEN, [name], lambda on, add=add, servicer=servicer: add(servicer, on))
        await server.start()
        await server.set_serving(True)
        services.ports[role] = server.port
        servers.append(server)
    try:
        yield services
    finally:
        for server in servers:
            await server.drain(0)
