"""The port's plain values as the engine's own objects."""

from array import array
from typing import Any

import qdrant_edge as engine

_DISTANCES = {"cosine": engine.Distance.Cosine, "dot": engine.Distance.Dot}
# Reads over one segment gain nothing from more, and each shard has threads of its own.
_SEARCH_THREADS = 1


def config(facts: dict[str, Any]) -> Any:
    """The layout of a space: a dense vector, and a sparse one whose weights the engine multiplies by IDF."""
    dense = engine.EdgeVectorParams(size=facts["dimensions"], distance=_DISTANCES[facts["distance"]])
    return engine.EdgeConfig(
        vectors={"dense": dense},
        sparse_vectors={"lexical": engine.EdgeSparseVectorParams(modifier=engine.Modifier.Idf)},
        max_search_threads=_SEARCH_THREADS,
        wal_enabled=True,
    )


def index(kind: str) -> Any:
    """The parameters of a payload index."""
    return {
        "tenant": engine.KeywordIndexParams(is_tenant=True),
        "keyword": engine.KeywordIndexParams(),
        "integer": engine.IntegerIndexParams(lookup=True, range=True),
        "float": engine.FloatIndexParams(),
        "datetime": engine.DatetimeIndexParams(),
    }[kind]


def point(given: dict[str, Any], dense: bytes, epochs: dict[str, int]) -> Any:
    """A point; `epochs` overrule those of its payload."""
    sparse = engine.SparseVector(indices=given["indices"], values=given["values"])
    vector: dict[str, Any] = {"dense": array("f", dense).tolist(), "lexical": sparse}
    return engine.Point(id=given["id"], vector=vector, payload=given["payload"] | epochs)


def leg(given: dict[str, Any], dense: list[float]) -> Any:
    """The query of a leg."""
    if given["leg"] == "dense":
        return engine.Query.Nearest(dense, using="dense")
    sparse = engine.SparseVector(indices=given["indices"], values=given["values"])
    return engine.Query.Nearest(sparse, using="lexical")


def params(given: dict[str, Any], corpus: dict[str, Any]) -> Any:
    """How a leg is searched: the words' weights come from the corpus, and the dense leg has none."""
    if given["leg"] == "dense":
        return None
    return engine.SearchParams(idf=engine.IdfParams(corpus=filter_of(corpus)))


def filter_of(given: dict[str, Any]) -> Any:
    """A filter, from Qdrant's JSON."""
    clauses: dict[str, Any] = {name: [_condition(each) for each in given[name]] for name in given}
    return engine.Filter(**clauses)


def _condition(given: dict[str, Any]) -> Any:
    if "key" not in given:
        return filter_of(given)
    if "match" in given:
        return engine.FieldCondition(given["key"], match=_match(given["match"]))
    bounds = given["range"]
    ranged = engine.RangeDateTime if any(isinstance(each, str) for each in bounds.values()) else engine.RangeFloat
    return engine.FieldCondition(given["key"], range=ranged(**bounds))


def _match(given: dict[str, Any]) -> Any:
    return engine.MatchAny(given["any"]) if "any" in given else engine.MatchValue(given["value"])
