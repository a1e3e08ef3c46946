"""Versions of one document: the newest alone is found, the last three are kept, and a restored one is what it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lorekeep_sdk import Lorekeep
from tests.e2e.stores import Stores
from tests.e2e.suite import Suite, eventually, running

pytestmark = pytest.mark.e2e
COLLECTION = "versions"
FILES = ["pypdf__pdflatex-4-pages.pdf", "uns__category-level.docx", "docl__mixed.md", "uns__stanley-cups.xlsx"]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    home = tmp_path_factory.mktemp("versions") / "home"
    with running(home, LOREKEEP_JANITOR_SECONDS="1", LOREKEEP_SWEEP_AFTER_SECONDS="1") as it:
        yield it


@pytest.fixture(scope="module")
def client(suite: Suite) -> Iterator[Lorekeep]:
    with Lorekeep(url=suite.url, key=suite.key) as it:
        it.collections.create(COLLECTION)
        yield it


def _shown(client: Lorekeep, answer: Any) -> None:
    job = client.jobs.wait(answer["job"]["id"], timeout_seconds=60)
    assert job["status"] == "succeeded", job


def _text(client: Lorekeep, document_id: str, number: int) -> None:
    said = f"The lighthouse of {document_id} shone in edition {number}."
    _shown(client, client.documents.add_text(COLLECTION, said, title="note", document_id=document_id))
    hits = client.search(COLLECTION, f"lighthouse {document_id} edition", mode="lexical", limit=50)["hits"]
    assert [hit["text"] for hit in hits if hit["document_id"] == document_id] == [said]


def _chunks(client: Lorekeep, document_id: str) -> list[tuple[object, ...]]:
    found = client.documents.chunks(COLLECTION, document_id)
    return [
        tuple(each.get(name) for name in ("text", "page", "heading_path", "start", "end", "kind")) for each in found
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_restored_version_is_what_it_was(suite: Suite, client: Lorekeep, documents: Path, name: str) -> None:
    document_id, stores = name.partition("__")[0] + name[-4:], Stores(suite)
    _text(client, document_id, 1)
    first = client.documents.versions(COLLECTION, document_id)[0]["sha256"]
    _shown(client, client.documents.add(COLLECTION, documents / name, document_id=document_id))
    before = _chunks(client, document_id)
    assert before
    assert len(before) == client.documents.versions(COLLECTION, document_id)[0]["chunk_count"]
    _text(client, document_id, 3)
    _text(client, document_id, 4)
    listed = client.documents.versions(COLLECTION, document_id)
    assert [(each["number"], each["visible"], each["restorable"]) for each in listed] == [
        (4, True, False),
        (3, False, True),
        (2, False, True),
    ]
    eventually(lambda: not [path for path in stores.files() if path.endswith(f"/{first}")])
    _shown(client, client.documents.restore(COLLECTION, document_id, 2))
    assert client.documents.get(COLLECTION, document_id)["version"] == 5
    assert _chunks(client, document_id) == before
    assert client.documents.content(COLLECTION, document_id) == (documents / name).read_bytes()


def test_what_is_pruned_leaves_what_a_restored_version_needs(suite: Suite, client: Lorekeep) -> None:
    stores, document_id = Stores(suite), "kept"
    for number in (1, 2, 3):
        _text(client, document_id, number)
    _shown(client, client.documents.restore(COLLECTION, document_id, 1))
    for number in (5, 6):
        _text(client, document_id, number)
    eventually(
        lambda: stores.count("select count(*) from versions v join documents d on d.id = v.document_id"
                             " where d.public_id = $1 and v.pruned_at is not null", document_id) == 3
    )  # fmt: skip
    _shown(client, client.documents.restore(COLLECTION, document_id, 4))
    assert [text for text, *_ in _chunks(client, document_id)] == ["The lighthouse of kept shone in edition 1."]
