"""Bad input through the whole suite: each a typed error that says what to do, and nothing else is touched."""

import httpx
import pytest

from tests.e2e.suite import Suite, eventually

pytestmark = pytest.mark.e2e
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n" + b"garbage " * 40


@pytest.fixture(scope="module")
def client(suite: Suite) -> httpx.Client:
    client = suite.client()
    client.post("/api/v1/collections", json={"name": "refusals", "metadata_schema": {"year": "integer"}})
    return client


def _is_missing(answer: httpx.Response) -> bool:
    status, reason = _reason(answer)
    return status == 404 and reason.endswith("not_found")


def _reason(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["message"]
    assert error["trace_id"]
    assert "Traceback" not in answer.text
    return answer.status_code, error["reason"]


@pytest.mark.parametrize("key", ["", "wrong", "kb_x_y", "kb_" + "0" * 26 + "_" + "0" * 43])
def test_a_wrong_or_missing_key_is_401(suite: Suite, key: str) -> None:
    headers = {"X-API-Key": key} if key else {}
    answer = httpx.get(f"{suite.url}/api/v1/collections", headers=headers)
    assert _reason(answer) == (401, "unauthenticated")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 422), (b"\x7fELF\x02\x01\x01" + bytes(100), 415), (b"MZ" + bytes(200), 415)]
)
def test_a_file_that_cannot_be_a_document_is_refused(client: httpx.Client, content: bytes, status: int) -> None:
    answer = client.post("/api/v1/collections/refusals/documents", files={"file": ("a.pdf", content)})
    assert _reason(answer)[0] == status


def test_a_corrupt_file_ends_as_a_failed_job(client: httpx.Client) -> None:
    accepted = client.post("/api/v1/collections/refusals/documents", files={"file": ("broken.pdf", PDF)})
    assert accepted.status_code == 202
    path = f"/api/v1/jobs/{accepted.json()['job']['id']}"
    job = eventually(lambda: (it := client.get(path).json())["status"] in ("failed", "succeeded") and it)
    assert (job["status"], job["error"]["reason"]) == ("failed", "corrupt")
    document = client.get(f"/api/v1/collections/refusals/documents/{accepted.json()['document']['id']}").json()
    assert (document["status"], document["error"]["reason"]) == ("failed", "corrupt")


def test_a_body_over_50_mb_is_413(client: httpx.Client) -> None:
    big = {"file": ("big.txt", b"lorem ipsum " * (51 * 1024 * 1024 // 12))}
    assert _reason(client.post("/api/v1/collections/refusals/documents", files=big)) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        {"query": "  "},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 101},
        {"query": "x", "mode": "psychic"},
        {"query": "x", "filter": {"colour": "red"}},
        {"query": "x", "filter": {"year": {"$near": 3}}},
        {"query": "x", "filter": {"year": {"$gte": "soon"}}},
        {"query": "x", "filter": {"$or": {}}},
    ],
)
def test_a_malformed_search_is_422(client: httpx.Client, body: dict[str, object]) -> None:
    assert _reason(client.post("/api/v1/collections/refusals/search", json=body))[0] == 422


def test_what_is_not_there_is_404(client: httpx.Client) -> None:
    for path in ("/api/v1/collections/nowhere", "/api/v1/jobs/job_x", "/api/v1/collections/refusals/documents/no"):
        assert _is_missing(client.get(path))
    assert _is_missing(client.post("/api/v1/collections/nowhere/search", json={"query": "x"}))


def test_another_organisations_document_is_not_there(suite: Suite, client: httpx.Client) -> None:
    made = suite.lorekeep("admin", "organisation", "create", "rival")
    assert made.returncode == 0, made.stdout + made.stderr
    accepted = client.post("/api/v1/collections/refusals/documents", json={"text": "our own secret plan", "title": "p"})
    document = accepted.json()["document"]["id"]
    scopes = [part for scope in ("search", "ingest", "manage") for part in ("--scope", scope)]
    key = suite.lorekeep("admin", "key", "create", "probe", "--organisation", "rival", *scopes)
    assert key.returncode == 0, key.stdout + key.stderr
    with suite.client(key.stdout.strip()) as rival:
        collection = client.get("/api/v1/collections/refusals").json()["id"]
        for path in (f"/documents/{document}", f"/documents/{document}/chunks", f"/documents/{document}/content"):
            assert _is_missing(rival.get(f"/api/v1/collections/{collection}{path}"))
        assert _is_missing(rival.get(f"/api/v1/jobs/{accepted.json()['job']['id']}"))
        answer = rival.post(f"/api/v1/collections/{collection}/search", json={"query": "secret plan"})
        assert _is_missing(answer)


def test_a_field_declared_later_filters_documents_that_came_before(client: httpx.Client) -> None:
    body = {"text": "A ledger of the year.", "metadata": {"year": 1999, "shelf": "blue"}}
    accepted = client.post("/api/v1/collections/refusals/documents", json=body).json()
    job = f"/api/v1/jobs/{accepted['job']['id']}"
    eventually(lambda: client.get(job).json()["status"] == "succeeded")
    search = {"query": "ledger", "filter": {"shelf": "blue"}}
    refused = client.post("/api/v1/collections/refusals/search", json=search)
    assert _reason(refused)[0] == 422
    assert "PATCH" in refused.json()["error"]["message"]
    client.patch("/api/v1/collections/refusals", json={"metadata_schema": {"shelf": "string"}}).raise_for_status()
    hits = client.post("/api/v1/collections/refusals/search", json=search).json()["hits"]
    assert [each["document_id"] for each in hits] == [accepted["document"]["id"]]
