"""What callers choose of reading and chunking, and what they see of it: the client and the command."""

import json
from pathlib import Path

import pytest

from lorekeep_sdk import Conflict, InvalidInput, Lorekeep
from tests.sdk.contract_server import Service
from tests.sdk.test_command import answer, lorekeep

TEXT = "A guide to cows.\n\nThe cow comes home [not markup]. \x1b[31mRed\x07\n\nThe end."


@pytest.fixture
def demo(client: Lorekeep) -> Lorekeep:
    client.collections.create("demo")
    return client


def test_a_collection_says_how_it_cuts_and_reads(client: Lorekeep) -> None:
    made = client.collections.create("c", chunking={"max_tokens": 100}, reading={"languages": ["de"]})
    assert (made["chunking"]["max_tokens"], made["reading"]["languages"]) == (100, ["de"])
    changed = client.collections.update("c", chunking={"strategy": "fixed"}, reading={"strategy": "fast"})
    assert (changed["chunking"]["strategy"], changed["chunking"]["max_tokens"]) == ("fixed", 100)
    assert (changed["reading"]["strategy"], changed["reading"]["languages"]) == ("fast", ["de"])
    client.documents.add_text("c", "x")
    with pytest.raises(Conflict, match="another collection"):
        client.collections.update("c", chunking={"max_tokens": 50})
    with pytest.raises(InvalidInput, match="do not fit"):
        client.collections.create("d", chunking={"preset": "quality"})


def test_a_document_is_previewed_from_every_source(demo: Lorekeep, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    demo.documents.add("demo", path, document_id="a")
    for shown in (
        demo.previews.text("demo", TEXT, limit=2),
        demo.previews.file("demo", path, limit=2),
        demo.previews.file("demo", TEXT.encode(), name="a.txt", limit=2),
        demo.previews.document("demo", "a", limit=2),
    ):
        assert [each["page"] for each in shown["chunks"]] == [1, 2]
        assert (shown["chunk_count"], shown["complete"]) == (2, False)
    asked = demo.previews.file("demo", path, chunking={"max_tokens": 77}, reading={"strategy": "ocr_only"})
    assert asked["options"]["chunking"]["max_tokens"] == 77
    assert asked["options"]["reading"] == {"strategy": "ocr_only", "languages": ["en"], "attachments": True}
    assert asked["complete"]


def test_an_upload_says_how_it_is_to_be_read(demo: Lorekeep, service: Service) -> None:
    demo.documents.add("demo", b"x", name="a.pdf", document_id="a", strategy="ocr_only", languages=["de", "en"])
    demo.documents.add("demo", b"x", name="b.pdf", document_id="b")
    assert service.readings == {"a": {"strategy": "ocr_only", "languages": "de,en"}, "b": {}}


def test_pages_are_listed_to_the_end(demo: Lorekeep) -> None:
    demo.documents.add_text("demo", "\n\n".join("abcde"), document_id="d")
    found = list(demo.documents.pages("demo", "d"))
    assert [(each["page"], each["outcome"]) for each in found] == [
        (1, "read"), (2, "ocr"), (3, "empty"), (4, "garbled"), (5, "skipped"),
    ]  # fmt: skip


def test_the_command_makes_and_changes_a_collection(url: str, client: Lorekeep) -> None:
    told = lorekeep(
        url, "collections", "create", "c", "--chunking", "hierarchical", "--max-tokens", "100", "--languages", "de,en"
    )
    assert told.exit_code == 0, told.output
    for shown in ("Created c", "hierarchical, at most 100 tokens, overlap 50, joined below 64", "auto, de, en, with"):
        assert shown in told.stdout
    changed = answer(url, "collections", "set", "c", "--strategy", "ocr_only", "--no-attachments", "--min-tokens", "9")
    assert changed["chunking"] == {
        "strategy": "hierarchical", "max_tokens": 100, "overlap_tokens": 50, "min_tokens": 9,
    }  # fmt: skip
    assert changed["reading"] == {"strategy": "ocr_only", "languages": ["de", "en"], "attachments": False}
    refused = lorekeep(url, "collections", "create", "d", "--preset", "quality")
    assert (refused.exit_code, "chunk_exceeds_window" in refused.stderr) == (1, True)
    for wrong in (["set", "c"], ["set", "c", "--chunking", "by_page"], ["create", "d", "--max-tokens", "1"]):
        assert lorekeep(url, "collections", *wrong).exit_code == 2


def test_the_command_previews_a_file_or_a_document(url: str, demo: Lorekeep, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    demo.documents.add("demo", path, document_id="a")
    for what in (str(path), "a"):
        told = lorekeep(url, "chunks", "preview", what, "-c", "demo", "-n", "2", "--chunking", "fixed")
        assert told.exit_code == 0, told.output
        for shown in ("1.  6 tokens  page 1  Guide", "[not markup]", "The first 2 chunks of", "fixed, at most 256"):
            assert shown in told.stdout
        assert "ocr_unavailable" in told.stdout
        assert not set(told.stdout) & {"\x1b", "\x07"}
    raw = answer(url, "chunks", "preview", str(path), "-c", "demo", "--max-tokens", "50", "--languages", "de")
    assert (raw["options"]["chunking"]["max_tokens"], raw["options"]["reading"]["languages"]) == (50, ["de"])
    assert lorekeep(url, "chunks", "preview", "nowhere", "-c", "demo").exit_code == 1
    assert lorekeep(url, "chunks", "preview", "a", "-c", "demo", "--strategy", "ocr_only").exit_code == 2


def test_the_command_lists_pages(url: str, demo: Lorekeep) -> None:
    demo.documents.add_text("demo", "one\n\ntwo", document_id="d")
    told = lorekeep(url, "documents", "pages", "demo", "d")
    assert told.stdout.split() == ["page", "outcome", "characters", "1", "read", "3", "2", "ocr", "3"]
    assert [each["page"] for each in answer(url, "documents", "pages", "demo", "d")["pages"]] == [1, 2]


def test_ingest_says_how_files_are_to_be_read_and_sends_them_again_for_another_way(
    url: str, demo: Lorekeep, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("text")

    def sent(*options: str) -> int:
        before = sum(path.endswith("/documents") and method == "POST" for method, path, _ in service.seen)
        told = lorekeep(url, "ingest", str(tmp_path / "a.txt"), "-c", "demo", "--json", *options)
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)
        return sum(path.endswith("/documents") and method == "POST" for method, path, _ in service.seen) - before

    assert [sent(), sent(), sent("--strategy", "fast"), sent("--strategy", "fast")] == [1, 0, 1, 0]
    assert list(service.readings.values()) == [{"strategy": "fast"}]
