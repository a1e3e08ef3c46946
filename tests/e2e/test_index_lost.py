"""The index is lost, wholly or in part: it comes back from what was read once, and nothing is read again."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from lorekeep_chassis.suite.state import State
from lorekeep_sdk import Lorekeep
from tests.e2e.stores import Stores
from tests.e2e.suite import Suite, eventually, running

pytestmark = pytest.mark.e2e
COLLECTION = "lost"
NAMES = ["pypdf__pdflatex-4-pages.pdf", "uns__category-level.docx", "docl__mixed.md", "uns__stanley-cups.xlsx"]
QUERY = {"query": "which team won the cup", "limit": 20}


def _read_by_the_parser(suite: Suite) -> dict[str, float]:
    """Calls of the parser's Parse by their outcome, since it was started."""
    port = State.read(suite.home / "suite.json").ports["parser.metrics"]
    told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = re.findall(r'^grpc_calls_total\{code="(\w+)",method="[\w.]+/Parse",side="server"\} (\S+)$', told, re.M)
    return {code: float(count) for code, count in found}


def _chunks(client: Lorekeep) -> dict[str, list[Any]]:
    ids = [each["id"] for each in client.documents.list(COLLECTION)]
    return {each: list(client.documents.chunks(COLLECTION, each)) for each in sorted(ids)}


def _rebuilt(suite: Suite) -> dict[str, Any]:
    ended = suite.lorekeep("reembed", "--missing", COLLECTION, "--wait", "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _ingested(suite: Suite, documents: Path, folder: Path) -> None:
    for name in NAMES:
        shutil.copy(documents / name, folder)
    ended = suite.lorekeep("ingest", str(folder), "--collection", COLLECTION, "--wait", "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    eventually(lambda: _read_by_the_parser(suite) == {"OK": len(NAMES)})


def test_a_lost_index_is_rebuilt_without_reading_anything(tmp_path: Path, documents: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "docs"
    folder.mkdir()
    with running(home) as suite, Lorekeep(url=suite.url, key=suite.key) as client:
        _ingested(suite, documents, folder)
        before, hits = _chunks(client), client.search(COLLECTION, **QUERY)["hits"]
        assert hits
    shutil.rmtree(home / "data" / "index")
    with running(home) as suite, Lorekeep(url=suite.url, key=suite.key) as client:
        assert client.search(COLLECTION, **QUERY)["hits"] == []
        ended = suite.lorekeep("reindex", COLLECTION, "--wait")
        assert (ended.returncode, ended.stdout.strip()) == (0, "4 jobs done."), ended.stderr
        assert _chunks(client) == before
        again = client.search(COLLECTION, **QUERY)["hits"]
        assert [each["chunk_id"] for each in again] == [each["chunk_id"] for each in hits]
        _one_version_is_repaired(suite, client, before)
        assert _read_by_the_parser(suite) == {}


def _one_version_is_repaired(suite: Suite, client: Lorekeep, before: dict[str, list[Any]]) -> None:
    whole = {"documents_checked": 4, "versions_missing_chunks": 0, "jobs_queued": 0, "orphan_versions_removed": 0}
    assert _rebuilt(suite) == {**whole, "chunks_removed": 0, "failed": 0}
    stores = Stores(suite)
    row = stores.rows(
        "select d.collection_id, d.id, d.version_id from documents d where d.public_id = $1", NAMES[1]
    )[0]  # fmt: skip
    assert stores.lose(row["collection_id"], row["id"], row["version_id"]) == len(before[NAMES[1]])
    assert not stores.points(row["collection_id"], row["id"])
    assert _rebuilt(suite) == {
        **whole, "versions_missing_chunks": 1, "jobs_queued": 1, "chunks_removed": 0, "failed": 0
    }  # fmt: skip
    assert _chunks(client) == before
