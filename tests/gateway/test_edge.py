"""The edge: health, headers, limits of time, unknown routes, host names, metrics and the orderly end."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from tests.gateway.neighbour import started
from tests.gateway.suite import Suite, running

from lorekeep_chassis.errors import LimitExceeded, Overloaded, Unavailable
from lorekeep_gateway import components
from lorekeep_gateway.http.parts import Turnstile


async def _when_ready(http: httpx.AsyncClient, path: str) -> httpx.Response:
    """The answer once all answer in time, which a busy machine may not do at first."""
    for _ in range(30):
        answer = await http.get(path)
        if answer.status_code == 200:
            break
        await asyncio.sleep(0.5)
    return answer


async def test_health_needs_no_key(suite: Suite) -> None:
    async with suite.caller(None) as http:
        for path in ("/health", "/up", "/api/health", "/api/health/healthz"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
        assert (await http.get("/health/live")).json() == {"status": "alive"}
        for path in ("/health/ready", "/api/health/readyz"):
            answer = await _when_ready(http, path)
            assert (answer.status_code, answer.json()["status"]) == (200, "ready"), answer.text
        assert set(answer.json()["components"]) == {"postgres", "blobs", "parser", "embedder", "search"}
        services = (await http.get("/api/health/search-api")).json()
        assert set(services["components"]) == {"parser", "embedder", "search"}


async def test_a_service_that_does_not_serve_makes_it_not_ready(suite: Suite) -> None:
    await suite.servers.servers["parser"].set_serving(False)
    await asyncio.sleep(1.1)
    answer = await suite.http.get("/health/ready")
    assert answer.status_code == 503
    assert {name for name, each in answer.json()["components"].items() if each["status"] == "failed"} == {"parser"}
    assert (await suite.http.get("/health/live")).status_code == 200
    async with asyncio.timeout(10):
        while suite.life.health.ready:  # noqa: ASYNC110 - a plain flag of a thread
            await asyncio.sleep(0.05)


async def test_a_schema_that_lacks_a_migration_makes_it_not_ready(suite: Suite) -> None:
    await suite.sql("delete from schema_migrations")
    await asyncio.sleep(1.1)
    answer = await suite.http.get("/health/ready")
    assert answer.status_code == 503
    assert "0001_house" in answer.json()["components"]["postgres"]["detail"]


async def test_only_what_may_be_lost_degrades() -> None:
    async def fine() -> str:
        return "fine"

    async def away() -> str:
        raise Unavailable("away")

    async def slow() -> str:
        await asyncio.sleep(60)
        return "late"

    states = await components.Components({"a": fine, "redis": away, "b": slow}, frozenset({"redis"})).states()
    assert {name: each["status"] for name, each in states.items()} == {"a": "ok", "redis": "degraded", "b": "failed"}


async def test_every_answer_names_its_trace_and_protects_its_reader(suite: Suite) -> None:
    given = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "X-Request-ID": "mine-1"}
    for path in ("/health", "/nowhere", "/api/v1/collections"):
        headers = (await suite.http.get(path, headers=given)).headers
        assert headers["traceparent"].split("-")[1] == "ab" * 16
        assert headers["x-request-id"] == "mine-1"
        assert "total;dur=" in headers["server-timing"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert (await suite.http.get("/health", headers={"X-Request-ID": "a b"})).headers["x-request-id"] != "a b"


async def test_unknown_routes_and_methods_have_the_one_shape(suite: Suite) -> None:
    unknown = [("GET", path, 404) for path in ("/nowhere", "/a%00b", "/docs")]
    for method, path, status in [*unknown, ("PUT", "/api/v1/collections", 405)]:
        answer = await suite.http.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"reason", "message", "trace_id"}
    assert (await suite.http.put("/api/v1/collections")).headers["allow"] == "GET, POST"


async def test_a_request_that_takes_too_long_ends(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, query_timeout_seconds=1.5) as suite:
        await suite.collection()
        async with suite.database.transaction() as session:
            organisation_id = (await suite.sql("select id from organisations"))[0]["id"]
            collection_id = (await suite.sql("select id from collections"))[0]["id"]
            await session("collection_lock", organisation_id=organisation_id, id=collection_id)
            answer = await suite.http.patch("/api/v1/collections/demo", json={"name": "late"})
        assert (answer.status_code, answer.json()["error"]["reason"]) == (504, "deadline_exceeded")
        assert (await suite.http.get("/api/v1/collections/demo")).status_code == 200


async def test_other_host_names_are_refused_but_for_probes(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, allowed_hosts="kb.example, *.inner.example") as suite:
        served, refused = ("kb.example", "KB.example:8000", "a.inner.example"), ("evil.example", "inner.example")
        for host, status in [*((each, 200) for each in served), *((each, 400) for each in refused)]:
            assert (await suite.http.get("/api/v1/collections", headers={"Host": host})).status_code == status
        assert (await suite.http.get("/health/live", headers={"Host": "10.1.2.3"})).status_code == 200


async def test_metrics_are_labelled_by_templates(suite: Suite) -> None:
    await suite.collection()
    labels = {"method": "GET", "route": "/api/v1/collections/{collection}", "status": "200"}
    before = REGISTRY.get_sample_value("http_requests_total", labels) or 0
    await suite.http.get("/api/v1/collections/demo")
    assert REGISTRY.get_sample_value("http_requests_total", labels) == before + 1
    await suite.http.get("/some/secret/path")
    routes = {s.labels["route"] for m in REGISTRY.collect() if m.name == "http_requests" for s in m.samples}
    assert not any("secret" in each or "demo" in each for each in routes)


async def test_the_end_answers_what_it_has_accepted(database_url: str, tmp_path: Path) -> None:
    """A process under fire, sharing its socket with another, ends without losing a request that it took."""
    async with running(database_url, tmp_path) as suite:
        process = await started(suite, suite.settings.listen_fd)
        failures = 0
        ended = asyncio.Event()

        async def calling() -> int:
            nonlocal failures
            count = 0
            async with suite.caller(suite.key) as http:
                while not ended.is_set():
                    try:
                        count += (await http.get("/api/v1/collections")).status_code == 200
                    except httpx.TransportError:
                        failures += 1
            return count

        callers = [asyncio.create_task(calling()) for _ in range(4)]
        await asyncio.sleep(1)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 30) == 0
        ended.set()
        assert sum(await asyncio.gather(*callers)) > 50
        assert failures == 0


async def test_a_head_without_end_is_refused(suite: Suite) -> None:
    """It would be held whole, and nobody had to say who sends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(suite.base_url.rpartition(":")[2]))
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 2**20)
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()
    long_body = await suite.http.post("/api/v1/collections", content=b"[" * 900_000)
    assert long_body.json()["error"]["field"] == "body", long_body.text
    assert (await suite.http.get("/health/live", headers={"X-Long": "a" * 60_000})).status_code == 200


def test_one_organisation_does_not_take_all_places() -> None:
    places = Turnstile(16, "uploads")
    with ExitStack() as held:
        for _ in range(14):
            held.enter_context(places.passed("one"))
        with pytest.raises(LimitExceeded) as caught, places.passed("one"):
            pass
        assert caught.value.retry_after_seconds == 1.0
        for _ in range(2):
            held.enter_context(places.passed("other"))
        with pytest.raises(Overloaded), places.passed("third"):
            pass
    with places.passed("one"):
        pass
