"""Requests to a Qdrant server, checked against qdrant-client's own models and its translation to gRPC."""

from array import array

from qdrant_client import models
from qdrant_client.conversions.conversion import RestToGrpc
from tests.search import samples

from lorekeep_search import server_requests
from lorekeep_search.server_store import client
from lorekeep_search.store import INDEXES, Legs, Point
from lorekeep_search.tenancy import Within, matches
from lorekeep_search.terms import Terms

WITHIN = Within("org", (matches("collection_id", "col"), {"key": "from_epoch", "range": {"lte": 3}}))
LEGS = Legs(WITHIN, Within("org"), 100, samples.vector("duck"), Terms([1, 2**32 - 1], [1.0, 1.0]))


def test_every_filter_begins_with_the_organisation() -> None:
    organisation = models.FieldCondition(key="organisation_id", match=models.MatchValue(value="org"))
    built = server_requests.filter_of(WITHIN)
    assert isinstance(built.must, list)
    assert built.must[0] == organisation
    assert built.must[2] == models.FieldCondition(key="from_epoch", range=models.Range(lte=3))


def test_the_legs_are_one_batch_of_separate_queries() -> None:
    dense, lexical = server_requests.queries(LEGS)
    assert (dense.using, lexical.using) == ("dense", "lexical")
    assert dense.query == models.NearestQuery(nearest=array("f", LEGS.dense or b"").tolist())
    assert dense.params is None
    assert lexical.params == models.SearchParams(
        idf=models.IdfCorpusParams(corpus=server_requests.filter_of(Within("org")))
    )
    assert {each.limit for each in (dense, lexical)} == {100}


def test_a_leg_that_is_left_out_is_not_asked() -> None:
    only = Legs(WITHIN, Within("org"), 10, None, LEGS.terms)
    assert [each.using for each in server_requests.queries(only)] == ["lexical"]


def test_queries_travel_over_grpc_whole() -> None:
    for query in server_requests.queries(LEGS):
        travelling = RestToGrpc.convert_query_request(query, "space")
        assert travelling.filter.must[0].field.key == "organisation_id"
        assert travelling.limit == 100
    assert travelling.params.idf.corpus.must[0].field.match.keyword == "org"


def test_a_point_travels_with_both_vectors_and_kept_epochs() -> None:
    stored = "5c3f1b0e-0000-5000-8000-000000000001"
    point = Point(stored, {"from_epoch": 9, "ordinal": 1}, samples.vector("duck"), Terms([1], [1.0]))
    built = server_requests.point(point, {"from_epoch": 2})
    assert built.payload == {"from_epoch": 2, "ordinal": 1}
    travelling = RestToGrpc.convert_point_struct(built)
    assert set(travelling.vectors.vectors.vectors) == {"dense", "lexical"}


def test_a_collection_has_a_dense_vector_and_a_sparse_one_with_idf() -> None:
    arguments = server_requests.collection(samples.space("fp", 384))
    assert arguments["vectors_config"]["dense"] == models.VectorParams(size=384, distance=models.Distance.COSINE)
    assert arguments["sparse_vectors_config"]["lexical"].modifier == models.Modifier.IDF
    assert arguments["metadata"]["fingerprint"] == "fp"


def test_the_organisation_is_the_tenant_of_the_index() -> None:
    kinds = {key: server_requests.index(kind) for key, kind in INDEXES.items()}
    assert [key for key, built in kinds.items() if getattr(built, "is_tenant", False)] == ["organisation_id"]
    assert all(RestToGrpc.convert_payload_schema_params(each) for each in kinds.values())


def test_a_step_of_a_scan_asks_for_no_vectors_and_few_keys() -> None:
    built = server_requests.portion(WITHIN, ("version_id", "to_epoch"), "5c3f1b0e-0000-5000-8000-000000000001")
    assert built["scroll_filter"] == server_requests.filter_of(WITHIN)
    assert built["with_payload"] == models.PayloadSelectorInclude(include=["version_id", "to_epoch"])
    assert (built["with_vectors"], built["offset"][:8]) == (False, "5c3f1b0e")
    travelling = RestToGrpc.convert_with_payload_interface(built["with_payload"])
    assert list(travelling.include.fields) == ["version_id", "to_epoch"]


async def test_the_client_speaks_grpc_on_the_port_above_the_urls() -> None:
    qdrant = client("http://qdrant.example:7333", "key")
    assert qdrant._client._grpc_port == 7334  # type: ignore[attr-defined]
    assert qdrant._client._prefer_grpc  # type: ignore[attr-defined]
    await qdrant.close()
