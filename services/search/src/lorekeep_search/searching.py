"""One search: checked, embedded, asked of the engine in legs, fused, and read out."""

from time import perf_counter

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors, tracing
from lorekeep_search import filters, fusion, measures, points, spaces, tenancy, terms
from lorekeep_search.fusion import Ranked
from lorekeep_search.query_vectors import QueryVectors
from lorekeep_search.store import DENSE, LEXICAL, LegResult, Legs, Payload, VectorStore
from lorekeep_search.tenancy import Condition, Within, matches

_MOST_TARGETS = 100
_MOST_CHARACTERS = 8192
_MOST_HITS = 100
# Candidates of a leg. Fusion needs more than it gives; three times as deep moved nDCG@10 by 0.002.
_DEPTH_PER_HIT = 5
_LEAST_DEPTH = 100
_DEEPER = 4
_MOST_DEPTH = 5000

_MODES = {
    search_pb2.MODE_UNSPECIFIED: "hybrid",
    search_pb2.MODE_HYBRID: "hybrid",
    search_pb2.MODE_DENSE: "dense",
    search_pb2.MODE_LEXICAL: "lexical",
}


class Searcher:
    """Searches an index."""

    def __init__(self, store: VectorStore, query_vectors: QueryVectors) -> None:
        self._store = store
        self._query_vectors = query_vectors

    async def search(self, request: search_pb2.SearchRequest) -> search_pb2.SearchResponse:
        """Answers a search; the errors are those that the contract names."""
        mode = _MODES.get(request.mode, "hybrid")
        with measures.searched(mode):
            _check(request)
            answer = await self._answered(request, mode)
        measures.stages(answer.stages)
        if not answer.hits:
            measures.WITHOUT_HITS.labels(mode).inc()
        return answer

    async def _answered(self, request: search_pb2.SearchRequest, mode: str) -> search_pb2.SearchResponse:
        within, corpus = _visible(request), _corpus(request)
        times: dict[str, float] = {}
        dense = await self._embedded(request, times) if mode != LEXICAL else None
        words = terms.of_query(request.query) if mode != DENSE else None
        depth = max(_DEPTH_PER_HIT * request.limit, _LEAST_DEPTH)
        chosen = await self._chosen(request, Legs(within, corpus, depth, dense, words), times)
        payloads = await self._store.fetch(request.space, within, [each.candidate.point_id for each in chosen])
        return search_pb2.SearchResponse(
            hits=[
                _hit(each, payloads[each.candidate.point_id]) for each in chosen if each.candidate.point_id in payloads
            ],
            stages=[search_pb2.StageTime(stage=stage, duration_ms=ms) for stage, ms in times.items()],
        )

    async def _embedded(self, request: search_pb2.SearchRequest, times: dict[str, float]) -> bytes:
        begin = perf_counter()
        vector = await self._query_vectors.vector(request.space, request.query)
        times["embed"] = _ms_since(begin)
        return vector

    async def _chosen(self, request: search_pb2.SearchRequest, legs: Legs, times: dict[str, float]) -> list[Ranked]:
        """The best hits; looks deeper where a few documents fill the window and more may lie below it."""
        results = await self._queried(request.space, legs)
        begin = perf_counter()
        chosen = fusion.best(fusion.fused(results), request.limit, request.limit_per_document)
        for result in results:
            times[result.leg] = times.get(result.leg, 0.0) + result.duration_ms
        times["fuse"] = times.get("fuse", 0.0) + _ms_since(begin)
        cut = any(len(each.candidates) >= legs.depth for each in results)
        if len(chosen) >= request.limit or not cut or legs.depth >= _MOST_DEPTH:
            return chosen
        deeper = Legs(legs.within, legs.corpus, min(legs.depth * _DEEPER, _MOST_DEPTH), legs.dense, legs.terms)
        return await self._chosen(request, deeper, times)

    async def _queried(self, space: search_pb2.IndexSpace, legs: Legs) -> list[LegResult]:
        with tracing.span("index.query") as span:
            span.set_attributes({"lorekeep.depth": legs.depth, "lorekeep.legs": legs.count})
            return await self._store.query(space, legs)


def _visible(request: search_pb2.SearchRequest) -> Within:
    """What the search may find: the targets' chunks at their epochs, and of those what the filter asks for."""
    within = tenancy.of_call({"should": [_of_target(each) for each in request.targets]})
    return within.but(filters.conditions(request.filter)) if request.HasField("filter") else within


def _corpus(request: search_pb2.SearchRequest) -> Within:
    """What weighs the words: the collections searched, whatever the filter, and never another organisation's."""
    ids = sorted({each.collection_id for each in request.targets})
    return tenancy.of_call({"key": "collection_id", "match": {"any": ids}})


def _of_target(target: search_pb2.Target) -> Condition:
    return {
        "must": [
            matches("collection_id", target.collection_id),
            matches("generation_id", target.generation_id),
            {"key": "from_epoch", "range": {"lte": target.epoch}},
            {"key": "to_epoch", "range": {"gt": target.epoch}},
        ]
    }


def _check(request: search_pb2.SearchRequest) -> None:
    spaces.checked(request.space)
    if not request.query.strip():
        raise errors.InvalidInput("The query is blank. Ask something.", reason="blank_query", field="query")
    if len(request.query) > _MOST_CHARACTERS:
        raise errors.InvalidInput(
            f"The query has {len(request.query)} characters; {_MOST_CHARACTERS} at most.", field="query"
        )
    if not 1 <= len(request.targets) <= _MOST_TARGETS:
        raise errors.InvalidInput(f"A search names 1 to {_MOST_TARGETS} collections.", field="targets")
    if not all(each.collection_id and each.generation_id for each in request.targets):
        raise errors.InvalidInput("A target needs its collection and its generation.", field="targets")
    if not 1 <= request.limit <= _MOST_HITS:
        raise errors.InvalidInput(f"The limit is 1 to {_MOST_HITS}, not {request.limit}.", field="limit")
    if request.mode not in _MODES:
        raise errors.InvalidInput("The mode is hybrid, dense or lexical.", field="mode")


def _hit(ranked: Ranked, payload: Payload) -> search_pb2.Hit:
    return search_pb2.Hit(
        chunk=points.to_chunk(payload),
        score=ranked.score,
        scores=search_pb2.LegScores(dense=ranked.legs.get(DENSE), lexical=ranked.legs.get(LEXICAL)),
    )


def _ms_since(begin: float) -> float:
    return (perf_counter() - begin) * 1000
