"""Each stage of ingest alone, over the services of a running suite: the same documents, requests and concurrency."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from typing import TypeVar
from uuid import uuid4

from tests.e2e.suite import Suite

from bench.corpus import Paper
from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.embedder.v1.embedder_pb2_grpc import EmbedderServiceStub
from lorekeep.parser.v1 import parser_pb2
from lorekeep.parser.v1.parser_pb2_grpc import ParserServiceStub
from lorekeep.search.v1 import search_pb2
from lorekeep.search.v1.search_pb2_grpc import SearchServiceStub
from lorekeep_chassis import calls, channels
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.state import State
from lorekeep_gateway.ingest.embedding import embedded_text

Item = TypeVar("Item")
_PIECE_BYTES = 512 * 1024
_NUMBER_BYTES = 4
_LONGEST_SECONDS = 3600.0
_CALLEES = ("parser", "embedder", "search")
_CONTEXT = calls.CallContext("org_bench", "col_bench", "bench", calls.Lane.BULK)
_CONCURRENCY = 4  # of job_concurrency's default
_EMBED_BATCH, _UPSERT_BATCH, _BATCH_PAGES = 32, 100, 10


class Stages:
    """Clients of the three services. `chunks`, by document, are what parsing gave."""

    def __init__(self, suite: Suite) -> None:
        self._state, self._tokens = State.read(Home(suite.home).state_file), Home(suite.home).tokens(_CALLEES)
        self._model = embedder_pb2.Model()
        self.chunks: list[list[Chunk]] = []
        self._vectors: list[tuple[list[Chunk], list[bytes]]] = []

    async def measured(self, papers: Sequence[Paper]) -> dict[str, float]:
        """Wall seconds of parse, embed and index, each alone."""
        opened = {name: channels.open_channel(self._target(name), self._tokens[name]) for name in _CALLEES}
        self._parser = ParserServiceStub(opened["parser"])
        self._embedder = EmbedderServiceStub(opened["embedder"])
        self._search = SearchServiceStub(opened["search"])
        try:
            with calls.calling_as(_CONTEXT), calls.deadline(_LONGEST_SECONDS):
                return await self._each(papers)
        finally:
            for channel in opened.values():
                await channel.close(None)

    async def _each(self, papers: Sequence[Paper]) -> dict[str, float]:
        self._model = (await self._embedder.ListModels(embedder_pb2.ListModelsRequest())).models[0]
        tokenizer = await self._tokenizer()
        parse = await _timed(self._parsed(paper, tokenizer) for paper in papers)
        embed = await _timed(self._embedded(each) for each in self.chunks)
        await self._search.Prepare(search_pb2.PrepareRequest(space=self._space()))
        index = await _timed(self._indexed(*each) for each in self._vectors)
        return {"parse": parse, "embed": embed, "index": index}

    def _target(self, name: str) -> str:
        return f"127.0.0.1:{self._state.ports[f'{name}.grpc']}"

    async def _tokenizer(self) -> bytes:
        asked = embedder_pb2.GetTokenizerRequest(tokenizer_fingerprint=self._model.tokenizer_fingerprint)
        return b"".join([piece.data async for piece in self._embedder.GetTokenizer(asked)])

    async def _parsed(self, paper: Paper, tokenizer: bytes) -> None:
        required: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        found: list[Chunk] = []
        async for answer in self._parser.Parse(self._requests(paper, tokenizer, required)):
            if answer.HasField("accepted"):
                required.set_result(answer.accepted.tokenizer_required)
            elif answer.HasField("chunk"):
                found.append(answer.chunk)
        self.chunks.append(found)

    async def _requests(
        self, paper: Paper, tokenizer: bytes, required: "asyncio.Future[bool]"
    ) -> AsyncIterator[parser_pb2.ParseRequest]:
        window = self._model.window_tokens
        options = parser_pb2.ChunkOptions(
            max_tokens=window,
            overlap_tokens=min(50, (window - 1) // 2),
            min_tokens=min(128, window // 4),
            tokenizer_fingerprint=self._model.tokenizer_fingerprint,
        )
        start = parser_pb2.ParseStart(
            name=paper.name, size_bytes=len(paper.data), chunk_options=options, batch_pages=_BATCH_PAGES
        )
        yield parser_pb2.ParseRequest(start=start)
        for at in range(0, len(paper.data), _PIECE_BYTES):
            yield parser_pb2.ParseRequest(data=paper.data[at : at + _PIECE_BYTES])
        if await required:
            for at in range(0, len(tokenizer), _PIECE_BYTES):
                yield parser_pb2.ParseRequest(tokenizer_data=tokenizer[at : at + _PIECE_BYTES])
            yield parser_pb2.ParseRequest(tokenizer_end=parser_pb2.TokenizerEnd())

    async def _embedded(self, chunks: list[Chunk]) -> None:
        size, found = self._model.dimensions * _NUMBER_BYTES, []
        for some in _batches(chunks, _EMBED_BATCH):
            answer = await self._embedder.Embed(
                embedder_pb2.EmbedRequest(
                    model=self._model.name,
                    texts=[embedded_text(each) for each in some],
                    purpose=embedder_pb2.PURPOSE_PASSAGE,
                )
            )
            found += [answer.vectors[at : at + size] for at in range(0, len(answer.vectors), size)]
        self._vectors.append((chunks, found))

    async def _indexed(self, chunks: list[Chunk], vectors: list[bytes]) -> None:
        version = f"ver_{uuid4().hex}"
        pairs = list(zip(chunks, vectors, strict=True))
        for some in _batches(pairs, _UPSERT_BATCH):
            indexed = [
                search_pb2.IndexedChunk(
                    chunk_id=str(uuid4()),
                    collection_id=_CONTEXT.collection_id,
                    document_id=version,
                    version_id=version,
                    document_name="paper",
                    public_document_id=version,
                    chunk=chunk,
                )
                for chunk, _ in some
            ]
            await self._search.Upsert(
                search_pb2.UpsertRequest(
                    space=self._space(),
                    generation_id="gen_bench",
                    chunks=indexed,
                    vectors=b"".join(vector for _, vector in some),
                )
            )

    def _space(self) -> search_pb2.IndexSpace:
        """A space of its own: the model's, under another fingerprint."""
        return search_pb2.IndexSpace(
            model=self._model.name, fingerprint="bench", dimensions=self._model.dimensions, distance="cosine"
        )


def _batches(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))


async def _timed(works: Iterable[Awaitable[None]]) -> float:
    """Wall seconds of all, some at once."""
    gate, begun = asyncio.Semaphore(_CONCURRENCY), time.monotonic()

    async def one(work: Awaitable[None]) -> None:
        async with gate:
            await work

    await asyncio.gather(*(one(each) for each in works))
    return round(time.monotonic() - begun, 2)
