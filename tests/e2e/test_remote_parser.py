"""One suite reads documents for another: the settings name it, and what it found is searched."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.suite import Suite, running

pytestmark = pytest.mark.e2e
_PAGE = b"""<html><body><h1>Refunds</h1><p>Refunds take five working days after the goods came back.</p>
<table><tr><th>goods</th><th>days</th></tr><tr><td>books</td><td>14</td></tr></table></body></html>"""


def ended(http: httpx.Client, job: str) -> dict[str, Any]:
    """The job once it has ended."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found: dict[str, Any] = http.get(f"/api/v1/jobs/{job}", params={"wait": 20}).json()
        if found["status"] not in ("queued", "running"):
            return found
    raise AssertionError("the job did not end in time")


def test_documents_are_read_by_the_suite_that_the_settings_name(suite: Suite, tmp_path: Path) -> None:
    named = {"UNSTRUCTURED_API_URL": suite.url, "UNSTRUCTURED_API_KEY": suite.key}
    with running(tmp_path / "home", **named) as other, other.client() as http:
        assert http.post("/api/v1/collections", json={"name": "demo"}).status_code == 201
        sent = http.post("/api/v1/collections/demo/documents", files={"file": ("refunds.html", _PAGE)})
        assert sent.status_code == 202, sent.text
        assert ended(http, sent.json()["job"]["id"])["status"] == "succeeded"
        shown = http.get(f"/api/v1/collections/demo/documents/{sent.json()['document']['id']}").json()
        assert (shown["verdict"]["route"], shown["verdict"]["media_type"]) == ("remote", "text/html")
        found = http.post("/api/v1/collections/demo/search", json={"query": "when is my money back"}).json()
        assert "five working days" in found["hits"][0]["text"]
