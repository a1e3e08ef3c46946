"""Junk for every operation of the OpenAPI document: each answer is typed and in time, whatever was sent by whomever."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.gateway.rows import succeeded
from tests.gateway.suite import Suite, running

from lorekeep_gateway.organisations import Grant

_CALM = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_LIMIT_SECONDS = 30.0
_HOSTILE = ("\x00", "\ud800")
_TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "demo", "a", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "..", "../../etc/passwd", "a/chunks", "%00",
         "col_0", "-1", "1e999", "\r\nX-Other: 1", "é\u202e", "x" * 300, "http://[::1]/", "http://0x7f.1:6379/", "null"]
    ),
    st.text(st.characters(exclude_categories=()), max_size=20),
)  # fmt: skip
_NUMBERS = st.one_of(
    st.sampled_from([-1, 0, 1, 2**31, 2**63, 2**64, 10**400, -(10**30), 1e308, float("nan"), float("inf"), 0.5]),
    st.integers(),
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_TEXTS, inner, max_size=4)),
    max_leaves=12,
)
_DEPTHS = st.sampled_from([20, 33, 300, 900, 5000]).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth)
_HEADERS = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "Last-Event-ID", "X-Content-SHA256", "Cookie", "traceparent", "X-Request-ID"]),
    st.one_of(st.sampled_from(["k", "-1", "9" * 64, "a" * 64, "\xff", "x" * 300]), st.text("az09 -~\xe9", max_size=12)),
    max_size=2,
)
_TYPES = st.sampled_from(
    ["application/json"] * 6
    + ["", "text/plain", "multipart/form-data", 'multipart/form-data; boundary="b"', "application/json; charset=utf-16"]
)


@dataclass
class Operation:
    """A route with a method, and what its description says of its body."""

    method: str
    path: str
    query: list[str]
    body: dict[str, Any]
    places: dict[str, str]

    def requests(self) -> st.SearchStrategy["Junk"]:
        """Requests to it that are almost right, and such as are not at all."""
        names = [each.strip("{}") for each in self.path.split("/") if each.startswith("{")]
        known = {name: self.places.get(name, "1") for name in names}
        path = st.fixed_dictionaries({name: st.one_of(*[st.just(known[name])] * 4, _TEXTS) for name in names})
        asked = st.lists(
            st.tuples(st.sampled_from(self.query or ["x"]), st.one_of(_TEXTS, _NUMBERS.map(str))), max_size=3
        )
        return st.builds(Junk, st.just(self), path, asked, self._bodies(), _TYPES, _HEADERS, st.booleans())

    def _bodies(self) -> st.SearchStrategy[bytes]:
        if self.method in ("GET", "DELETE"):
            return st.one_of(st.just(b""), st.just(b""), st.binary(max_size=30))
        given = {name: st.one_of(*_near(schema), _VALUES) for name, schema in self.body.items()}
        shaped = st.fixed_dictionaries({}, optional=given)
        spoilt = st.tuples(shaped, st.dictionaries(_TEXTS, _VALUES, max_size=1)).map(
            lambda pair: {**pair[0], **pair[1]}
        )
        deep = st.tuples(st.sampled_from(sorted(self.body) or ["a"]), _DEPTHS, shaped).map(_deepened)
        return st.one_of(
            *[shaped.map(_spelt)] * 3, *[spoilt.map(_spelt)] * 2, _VALUES.map(_spelt), deep, st.binary(max_size=80)
        )

    def mutants(self) -> Iterator["Junk"]:
        """Requests that are right but for one word, each word in turn."""
        names = [each.strip("{}") for each in self.path.split("/") if each.startswith("{")]
        known = {name: self.places.get(name, "1") for name in names}
        right = {name: _first(schema) for name, schema in self.body.items()}
        for word in _HOSTILE:
            for name in names:
                yield Junk(self, {**known, name: word}, [], _spelt(right), "application/json", {}, False)
            for name in self.query:
                beside = [("collection", known.get("collection", "demo"))] if name == "document" else []
                yield Junk(self, known, [*beside, (name, word)], _spelt(right), "application/json", {}, False)
        if self.method in ("GET", "DELETE"):
            return
        for value in (*_HOSTILE, {"a": "\x00"}, {"\ud800": 1}, ["\x00"], 10**400, float("nan")):
            for name in (*right, *(each for each in _HOSTILE if isinstance(value, str))):
                yield Junk(
                    self, known, [], _spelt({**right, name: value}), "application/json", {"Idempotency-Key": "k"}, True
                )
        for name in right:
            for depth in (300, 900):
                deep = b'{"a":' * depth + b"1" + b"}" * depth
                yield Junk(self, known, [], _deepened((name, deep, right)), "application/json", {}, False)


@dataclass
class Junk:
    """One request."""

    operation: Operation
    places: dict[str, str]
    query: list[tuple[str, str]]
    body: bytes
    content_type: str
    headers: dict[str, str]
    chunked: bool

    def sent(self, base_url: str) -> httpx.Request:
        path = self.operation.path
        for name, value in self.places.items():
            path = path.replace("{" + name + "}", quote(value, safe="", errors="surrogatepass"))
        asked = "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in self.query)
        headers = {**self.headers, "Content-Type": self.content_type}
        told = {name: value.strip().encode("latin-1") for name, value in headers.items() if value.strip()}
        content = _pieces(self.body) if self.chunked else self.body
        return httpx.Request(self.operation.method, f"{base_url}{path}?{asked}", headers=told, content=content)


def _pieces(body: bytes) -> Iterator[bytes]:
    yield body[:7]
    yield body[7:]


def _spelt(value: Any) -> bytes:
    return json.dumps(value).encode()


def _deepened(told: tuple[str, bytes, dict[str, Any]]) -> bytes:
    name, deep, others = told
    return _spelt({**others, name: "@"}).replace(b'"@"', deep, 1)


def _first(schema: dict[str, Any]) -> Any:
    """A value that a field most likely takes."""
    for each in (schema, *schema.get("anyOf", ())):
        if told := [*each.get("examples", ()), *each.get("enum", ())]:
            return told[0]
        if each.get("type") in (known := {"string": "demo", "integer": 1, "boolean": True, "object": {}}):
            return known[each["type"]]
    return None


def _near(schema: dict[str, Any]) -> list[st.SearchStrategy[Any]]:
    """Values that a field takes, as far as its description tells."""
    right: list[Any] = list(schema.get("examples", ())) + list(schema.get("enum", ()))
    for each in (schema, *schema.get("anyOf", ())):
        right += [*each.get("examples", ()), *each.get("enum", ())]
        right += {"string": ["demo"], "integer": [1], "boolean": [True], "object": [{"a": "b"}]}.get(
            each.get("type"), []
        )
    return [st.sampled_from(right)] * 3 if right else []


def _operations(document: dict[str, Any], places: dict[str, str]) -> list[Operation]:
    found = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            query = [each["name"] for each in told.get("parameters", ()) if each["in"] == "query"]
            found.append(Operation(method.upper(), path, query, _fields(document, told), places))
    return sorted(found, key=lambda each: each.method == "DELETE")  # last, so that there is something for the others


def _fields(document: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    schema = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return dict(schema.get("properties", {}))


@pytest.fixture
async def fuzzed(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    """A gateway that answers soon, so that what hangs shows."""
    async with running(database_url, tmp_path, max_file_size=65536, max_text_chars=1000) as started:
        yield started


async def _places(suite: Suite) -> dict[str, str]:
    """What there is: each is taken most of the time, so that junk reaches what lies behind a look-up."""
    collection = (await suite.collection(lang="string"))["id"]
    job = (await suite.upload(document_id="a"))["job"]["id"]
    await succeeded(suite, job)
    hook = {"url": "https://example.com/", "events": ["job.failed"]}
    webhook = (await suite.http.post("/api/v1/webhooks", json=hook)).json()["id"]
    begun = await suite.http.post("/api/v1/collections/demo/uploads", json={"name": "n", "size_bytes": 3})
    upload = begun.json()["upload"]["id"]
    return {"collection": collection, "document": "a", "job": job, "webhook": webhook, "upload": upload, "number": "1"}


def _check(junk: Junk, answer: httpx.Response) -> None:
    told = (answer.status_code, answer.text[:300], junk)
    assert answer.status_code < 500 or answer.status_code in (503, 504), told
    assert answer.elapsed.total_seconds() < _LIMIT_SECONDS, told
    if answer.status_code < 400:
        return
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1, told
    if junk.operation.method != "HEAD":
        assert {"reason", "message", "trace_id"} <= set(answer.json()["error"]), told
        assert all(isinstance(each, str) for each in answer.json()["error"].values()), told


@pytest.mark.parametrize("narrow", [False, True], ids=["all-scopes", "narrow"])
async def test_junk_is_refused_in_the_one_shape(fuzzed: Suite, narrow: bool) -> None:
    places = await _places(fuzzed)
    other = (await fuzzed.collection("other"))["id"]
    key = await fuzzed.key_for("main", Grant("narrow", ("ingest",), collection_ids=(other,))) if narrow else fuzzed.key
    document = (await fuzzed.http.get("/openapi.json")).json()
    operations = _operations(document, places)

    def run() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=_LIMIT_SECONDS) as http:
            for junk in (each for operation in operations for each in operation.mutants()):
                request = junk.sent(fuzzed.base_url)
                request.headers.update(http.headers)
                _check(junk, http.send(request))
            for operation in operations:

                @_CALM
                @given(junk=operation.requests())
                def check(junk: Junk) -> None:
                    request = junk.sent(fuzzed.base_url)
                    request.headers.update(http.headers)
                    answer = http.send(request)
                    _check(junk, answer)
                    assert not narrow or answer.status_code != 200 or "demo" not in answer.text

                check()

    await asyncio.to_thread(run)
    assert (await fuzzed.http.get("/health/ready")).status_code in (200, 503)
    for path in ("documents", "texts", "qnas", "websites", "files"):
        assert (await fuzzed.http.get(f"/api/v1/collections/{other}/{path}")).status_code == 200
