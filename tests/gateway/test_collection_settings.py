"""What a collection asks of chunking and reading: shown as it holds, refused where it cannot, fixed once indexed."""

from pathlib import Path
from typing import Any

import pytest
from tests.gateway.suite import Suite, running

from lorekeep_chassis import errors

COLLECTIONS = "/api/v1/collections"
DEMO = f"{COLLECTIONS}/demo"


async def _made(suite: Suite, name: str = "demo", **asked: Any) -> Any:
    return await suite.http.post(COLLECTIONS, json={"name": name, **asked})


async def test_what_nobody_asked_for_follows_the_model(suite: Suite) -> None:
    made = (await _made(suite)).json()
    assert made["chunking"] == {
        "strategy": "by_title", "max_tokens": 256, "overlap_tokens": 50, "min_tokens": 64,
    }  # fmt: skip
    assert made["reading"] == {"strategy": "auto", "languages": ["en"], "attachments": True}
    assert (await suite.http.get(DEMO)).json() == made
    assert (await suite.http.get(COLLECTIONS)).json()["collections"] == [made]


async def test_what_was_asked_for_is_shown_as_it_holds(suite: Suite) -> None:
    chunking = {"strategy": "hierarchical", "max_tokens": 100, "overlap_tokens": 0, "min_tokens": 20}
    reading = {"strategy": "ocr_only", "languages": ["de", "chi_sim"], "attachments": False}
    made = (await _made(suite, chunking=chunking, reading=reading)).json()
    assert (made["chunking"], made["reading"]) == (chunking, reading)
    small = (await _made(suite, "small", chunking={"max_tokens": 40})).json()["chunking"]
    assert small == {"strategy": "by_title", "max_tokens": 40, "overlap_tokens": 19, "min_tokens": 10}


@pytest.mark.parametrize(
    ("chunking", "field"),
    [
        ({"max_tokens": 257}, "chunking.max_tokens"),
        ({"preset": "quality"}, "chunking.preset"),
        ({"overlap_tokens": 128}, "chunking.overlap_tokens"),
        ({"max_tokens": 100, "overlap_tokens": 50}, "chunking.overlap_tokens"),
        ({"max_tokens": 100, "min_tokens": 101}, "chunking.min_tokens"),
        ({"max_tokens": 15}, "chunking.max_tokens"),
        ({"max_tokens": 2049}, "chunking.max_tokens"),
        ({"max_tokens": "100"}, "chunking.max_tokens"),
        ({"max_tokens": True}, "chunking.max_tokens"),
        ({"min_tokens": 0}, "chunking.min_tokens"),
        ({"strategy": "by_page"}, "chunking.strategy"),
        ({"preset": "fast"}, "chunking.preset"),
        ({"size": 100}, "chunking.size"),
    ],
)
async def test_bad_chunking_names_its_field(suite: Suite, chunking: dict[str, Any], field: str) -> None:
    answer = await _made(suite, chunking=chunking)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert await suite.rows("collections") == 0
    await _made(suite)
    changed = await suite.http.patch(DEMO, json={"chunking": chunking})
    assert (changed.status_code, changed.json()["error"]["field"]) == (422, field)


async def test_a_chunk_above_the_window_is_refused_with_the_model_and_its_window(suite: Suite) -> None:
    error = (await _made(suite, chunking={"max_tokens": 300})).json()["error"]
    assert error["reason"] == "chunk_exceeds_window"
    assert "model m, which takes 256" in error["message"]
    suite.servers.embedder.model.window_tokens = 1024
    assert (await _made(suite, chunking={"preset": "quality"})).json()["chunking"]["max_tokens"] == 1024
    over = await _made(suite, "over", chunking={"preset": "quality", "max_tokens": 300})
    assert over.json()["chunking"]["max_tokens"] == 300


@pytest.mark.parametrize(
    ("reading", "field"),
    [
        ({"strategy": "slow"}, "reading.strategy"),
        ({"languages": []}, "reading.languages"),
        ({"languages": ["e"]}, "reading.languages.0"),
        ({"languages": ["en; rm"]}, "reading.languages.0"),
        ({"languages": ["en"] * 9}, "reading.languages"),
        ({"attachments": 1}, "reading.attachments"),
    ],
)
async def test_bad_reading_names_its_field(suite: Suite, reading: dict[str, Any], field: str) -> None:
    answer = await _made(suite, reading=reading)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


async def test_an_embedder_that_is_away_is_needed_for_sizes_alone(suite: Suite) -> None:
    suite.servers.embedder.failure = errors.Unavailable("Away.")
    made = (await _made(suite, chunking={"strategy": "fixed"})).json()
    assert made["chunking"] == {
        "strategy": "fixed", "max_tokens": None, "overlap_tokens": None, "min_tokens": None,
    }  # fmt: skip
    refused = await _made(suite, "sized", chunking={"max_tokens": 100})
    assert (refused.status_code, refused.json()["error"]["reason"]) == (503, "unavailable")
    refused = await suite.http.patch(DEMO, json={"chunking": {"max_tokens": 100}})
    assert refused.status_code == 503


async def test_a_change_says_what_it_changes_and_null_takes_it_back(suite: Suite) -> None:
    await _made(suite, chunking={"max_tokens": 200, "strategy": "fixed"}, reading={"languages": ["de"]})
    change = {"chunking": {"max_tokens": None, "overlap_tokens": 10}, "reading": {"strategy": "fast"}}
    changed = (await suite.http.patch(DEMO, json=change)).json()
    assert changed["chunking"] == {
        "strategy": "fixed", "max_tokens": 256, "overlap_tokens": 10, "min_tokens": 64,
    }  # fmt: skip
    assert changed["reading"] == {"strategy": "fast", "languages": ["de"], "attachments": True}
    again = (await suite.http.patch(DEMO, json={"reading": {"languages": None}})).json()
    assert again["reading"] == {"strategy": "fast", "languages": ["en"], "attachments": True}
    assert again["chunking"] == changed["chunking"]


async def test_chunking_is_fixed_once_documents_are_indexed_and_reading_is_not(suite: Suite) -> None:
    made = (await _made(suite, chunking={"max_tokens": 200})).json()
    await suite.upload(document_id="a")
    assert (await suite.http.patch(DEMO, json={"chunking": {"max_tokens": 150}})).status_code == 200
    await suite.index(made["id"], "a", "text")
    refused = await suite.http.patch(DEMO, json={"chunking": {"max_tokens": 100}})
    assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "chunking_fixed")
    assert "another collection" in refused.json()["error"]["message"]
    same = await suite.http.patch(DEMO, json={"chunking": {"max_tokens": 150}, "reading": {"languages": ["de"]}})
    assert same.status_code == 200
    assert same.json()["reading"]["languages"] == ["de"]
    # What the index was built with is what is shown, whatever is asked for or installed.
    assert same.json()["chunking"] == {
        "strategy": "by_title", "max_tokens": 256, "overlap_tokens": 0, "min_tokens": 16,
    }  # fmt: skip


async def test_an_installation_has_defaults_of_its_own(database_url: str, tmp_path: Path) -> None:
    own = {"chunk_max_tokens": 120, "chunk_overlap_tokens": 12, "chunk_merge_peers": False}
    async with running(database_url, tmp_path, **own) as suite:
        made = (await _made(suite)).json()["chunking"]
        assert made == {"strategy": "by_title", "max_tokens": 120, "overlap_tokens": 12, "min_tokens": 1}
