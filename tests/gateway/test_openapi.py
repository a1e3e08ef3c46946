"""The OpenAPI document: exactly the routes, each described; and no request made from it is ever a 5xx."""

import asyncio
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.gateway.rows import succeeded
from tests.gateway.suite import Suite

from lorekeep_gateway.http.app import ROUTERS
from lorekeep_gateway.http.description import operations

_EXAMPLES = 12


async def test_it_lists_exactly_the_routes(suite: Suite) -> None:
    async with suite.caller(None) as http:
        document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert told == {(route.path_format, method) for route, method in operations(ROUTERS)}
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key", "unstructured-api-key"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            if path.startswith("/api/v1"):
                assert operation["security"]
                assert {"401", "403", "422"} <= set(operation["responses"])
    jobs = document["paths"]["/api/v1/jobs"]["get"]["parameters"]
    assert {each["name"] for each in jobs} == {
        "status", "dead", "queue", "lane", "kind", "stage", "collection", "document", "older_than_seconds", "limit",
        "cursor",
    }  # fmt: skip
    events = document["paths"]["/api/v1/jobs/{job}/events"]["get"]
    assert list(events["responses"]["200"]["content"]) == ["text/event-stream"]
    assert "Last-Event-ID" in {each["name"] for each in events["parameters"]}


async def test_nothing_made_from_it_is_a_server_error(suite: Suite) -> None:
    await suite.collection(lang="string")
    job = (await suite.upload(document_id="a"))["job"]["id"]
    await succeeded(suite, job)
    document = (await suite.http.get("/openapi.json")).json()
    schema: Any = schemathesis.openapi.from_dict(document)
    cases = [each.ok() for each in schema.get_all_operations()]

    def run() -> None:
        for operation in cases:

            @settings(max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(), known=st.booleans())
            def check(case: Any, known: bool) -> None:
                if known and "collection" in (case.path_parameters or {}):
                    case.path_parameters["collection"] = "demo"
                if known and "job" in (case.path_parameters or {}):
                    case.path_parameters["job"] = job
                answer = case.call(base_url=suite.base_url, headers={"Authorization": f"Bearer {suite.key}"})
                assert answer.status_code < 500, answer.text

            check()

    await asyncio.to_thread(run)
