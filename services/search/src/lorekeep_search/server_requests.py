"""The port's plain values as qdrant-client's own models, which check them."""

from array import array
from collections.abc import Sequence
from typing import Any

from qdrant_client import models

from lorekeep.search.v1 import search_pb2
from lorekeep_search import spaces
from lorekeep_search.store import DENSE, LEXICAL, Legs, Payload, Point
from lorekeep_search.tenancy import Within

_DISTANCES = {"cosine": models.Distance.COSINE, "dot": models.Distance.DOT}
_CANDIDATE_KEYS = ["chunk_id", "document_id"]
_PORTION_POINTS = 2000


def collection(space: search_pb2.IndexSpace) -> dict[str, Any]:
    """The arguments that create a space's collection.

    The index is built per organisation (`payload_m`) and not over all (`m` = 0), since every query has one.
    """
    return {
        "vectors_config": {
            DENSE: models.VectorParams(size=space.dimensions, distance=_DISTANCES[space.distance]),
        },
        "sparse_vectors_config": {LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        "hnsw_config": models.HnswConfigDiff(m=0, payload_m=16),
        "metadata": spaces.facts(space),
    }


def index(kind: str) -> Any:
    """The parameters of a payload index."""
    return {
        "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
        "keyword": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
        "integer": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=True),
        "float": models.FloatIndexParams(type=models.FloatIndexType.FLOAT),
        "datetime": models.DatetimeIndexParams(type=models.DatetimeIndexType.DATETIME),
    }[kind]


def point(given: Point, epochs: Payload) -> models.PointStruct:
    """A point; `epochs` overrule those of its payload."""
    return models.PointStruct(
        id=given.point_id,
        vector={DENSE: array("f", given.dense).tolist(), LEXICAL: models.SparseVector(**given.terms._asdict())},
        payload=given.payload | epochs,
    )


def filter_of(within: Within) -> models.Filter:
    """A filter, from Qdrant's JSON."""
    return models.Filter.model_validate(within.filter)


def portion(within: Within, keys: Sequence[str], offset: Any) -> dict[str, Any]:
    """The arguments of one step of a scan: no vectors, and of the payload only `keys`."""
    return {
        "scroll_filter": filter_of(within),
        "limit": _PORTION_POINTS,
        "offset": offset,
        "with_payload": models.PayloadSelectorInclude(include=list(keys)),
        "with_vectors": False,
    }


def queries(legs: Legs) -> list[models.QueryRequest]:
    """One query a leg, to be sent as one batch; `using` names the leg."""
    asked: list[models.QueryRequest] = []
    if legs.dense is not None:
        asked.append(_query(legs, DENSE, array("f", legs.dense).tolist()))
    if legs.terms is not None:
        asked.append(_query(legs, LEXICAL, models.SparseVector(**legs.terms._asdict())))
    return asked


def _query(legs: Legs, leg: str, vector: Any) -> models.QueryRequest:
    corpus = models.IdfCorpusParams(corpus=filter_of(legs.corpus))
    return models.QueryRequest(
        query=models.NearestQuery(nearest=vector),
        using=leg,
        filter=filter_of(legs.within),
        params=models.SearchParams(idf=corpus) if leg == LEXICAL else None,
        limit=legs.depth,
        with_payload=_CANDIDATE_KEYS,
    )
