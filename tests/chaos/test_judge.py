"""The judge can fail: doctored observations, each of which breaks one promise."""

from random import Random

import pytest

from tests.chaos.judge import (
    Child,
    Chunk,
    Leftovers,
    Outcome,
    Passage,
    Promise,
    Sighting,
    Story,
    Tally,
    judge_children,
    judge_chunks,
    judge_end,
    judge_leftovers,
    judge_owner,
    judge_sighting,
)
from tests.chaos.packages import Inside
from tests.chaos.passages import marks, sentences
from tests.chaos.script import Content, End, Item

COUNTS = (7, 5)


def story(end: End = End.READY, editions: int = 2, reason: str = "") -> Story:
    """A document whose editions were sent at 1 and 3 and shown at 2 and 4."""
    contents = tuple(Content("a.txt", b"", passage_count=count) for count in COUNTS[:editions])
    it = Story(Item("north-1", "north", "quob", contents, end, reason))
    for edition in range(1, editions + 1):
        it.sent[edition], it.shown[edition], it.jobs[edition] = 2.0 * edition - 1, 2.0 * edition, f"job{edition}"
    return it


def seen(edition: int = 2, owner: str = "north", word: str = "quob", *, skip: int = -1) -> list[Passage]:
    """The chunks of an edition, one sentence each, without the one at `skip`."""
    lines = sentences(word, owner, edition, COUNTS[edition - 1], Random(0))
    return [Passage(f"c{edition}.{n}", f"{owner}-1", owner, line) for n, line in enumerate(lines) if n != skip]


def sighting(found: list[Passage], began: float = 5.0) -> Sighting:
    return Sighting(began, began + 0.5, "search", found)


def broken(tally: Tally) -> set[Promise]:
    return set(tally.violations)


def judged(it: Story, found: Sighting) -> set[Promise]:
    tally = Tally()
    judge_sighting(tally, it, found)
    return broken(tally)


def test_a_whole_edition_keeps_every_promise() -> None:
    assert judged(story(), sighting(seen())) == set()


def test_a_passage_may_stand_in_two_chunks_that_overlap() -> None:
    found = seen()
    longer = Passage("c2.x", "north-1", "north", f"{found[0].text} {found[1].text}")
    assert judged(story(), sighting([longer, *found[1:]])) == set()


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([], id="nothing"),
        pytest.param(seen(skip=3), id="half of it"),
        pytest.param(seen(1) + seen(2), id="two editions"),
        pytest.param(seen(2) + seen(2)[:1], id="a chunk twice"),
        pytest.param(seen(2, word="other"), id="another document"),
    ],
)
def test_what_is_not_one_whole_edition_is_seen(found: list[Passage]) -> None:
    assert Promise.WHOLE in judged(story(), sighting(found))


def test_an_older_edition_after_a_newer_is_seen() -> None:
    assert judged(story(), sighting(seen(1))) == {Promise.FORWARD}


def test_an_edition_before_it_was_sent_is_seen() -> None:
    assert judged(story(), sighting(seen(2), began=2.4)) == {Promise.WHOLE}


def test_nothing_is_right_before_the_first_edition_was_ready() -> None:
    assert judged(story(), sighting([], began=1.2)) == set()


def test_either_edition_is_right_while_they_switch() -> None:
    for edition in (1, 2):
        assert judged(story(), sighting(seen(edition), began=3.2)) == set()


def test_a_deleted_document_that_is_found_is_seen() -> None:
    it = story(End.DELETED)
    it.delete_began, it.deleted = 4.0, 4.5
    assert judged(it, sighting(seen())) == {Promise.WHOLE}
    assert judged(it, sighting([])) == set()


@pytest.mark.parametrize("foreign", [seen(owner="south"), [Passage("c", "north-1", "south", "unmarked")]])
def test_another_owners_text_is_seen(foreign: list[Passage]) -> None:
    tally = Tally()
    judge_owner(tally, "north", "search", seen() + foreign)
    assert broken(tally) == {Promise.OWN}


@pytest.mark.parametrize(
    ("it", "outcome"),
    [
        (story(editions=1), Outcome("gone", jobs={"job1": "succeeded"})),
        (story(editions=1), Outcome("processing", version=1, jobs={"job1": "running"})),
        (story(editions=1), Outcome("ready", version=1, jobs={"job1": "missing"})),
        (story(), Outcome("ready", version=1, jobs={"job1": "succeeded", "job2": "succeeded"})),
        (story(), Outcome("ready", version=2, jobs={"job1": "failed:worker_lost", "job2": "succeeded"})),
        (story(End.FAILED, 1, "corrupt"), Outcome("ready", version=1, jobs={"job1": "succeeded"})),
        (story(End.FAILED, 1, "corrupt"), Outcome("failed", "internal", jobs={"job1": "failed:internal"})),
        (story(End.DELETED, 1), Outcome("ready", version=1, jobs={"job1": "succeeded"})),
        (story(End.CANCELLED, 1), Outcome("ready", version=1, jobs={"job1": "cancelled:cancelled"})),
    ],
)
def test_a_wrong_end_is_seen(it: Story, outcome: Outcome) -> None:
    tally = Tally()
    judge_end(tally, it, outcome)
    assert broken(tally) == {Promise.RIGHT_END}


@pytest.mark.parametrize(
    ("it", "outcome"),
    [
        (story(), Outcome("ready", version=2, jobs={"job1": "cancelled:superseded", "job2": "succeeded"})),
        (story(End.FAILED, 1, "corrupt"), Outcome("failed", "corrupt", jobs={"job1": "failed:corrupt"})),
        (story(End.DELETED, 1), Outcome("gone", jobs={"job1": "missing"})),
        (story(End.CANCELLED, 1), Outcome("failed", "cancelled", jobs={"job1": "cancelled:cancelled"})),
        (story(End.CANCELLED, 1), Outcome("ready", version=1, jobs={"job1": "succeeded"})),
    ],
)
def test_a_right_end_is_right(it: Story, outcome: Outcome) -> None:
    tally = Tally()
    judge_end(tally, it, outcome)
    assert broken(tally) == set()


CHUNKS = [Chunk(f"text {n}", 1, n, n + 1) for n in range(4)]
LISTED = [(f"id{n}", chunk) for n, chunk in enumerate(CHUNKS)]


@pytest.mark.parametrize(
    ("found", "kept", "promises"),
    [
        (LISTED, 4, set()),
        (LISTED[:-1], 4, {Promise.CHUNKS, Promise.INDEX}),
        (LISTED[:-1], 3, {Promise.CHUNKS}),
        ([*LISTED, LISTED[0]], 5, {Promise.CHUNKS, Promise.INDEX}),
        ([*LISTED[:3], ("id3", Chunk("text 3", 2, 3, 4))], 4, {Promise.CHUNKS}),
        (LISTED[::-1], 4, {Promise.CHUNKS}),
    ],
)
def test_chunks_unlike_the_undisturbed_are_seen(
    found: list[tuple[str, Chunk]], kept: int, promises: set[Promise]
) -> None:
    tally = Tally()
    judge_chunks(tally, "north-1", found, CHUNKS, kept)
    assert broken(tally) == promises


@pytest.mark.parametrize(
    ("left", "promise"),
    [
        (Leftovers(unended_jobs=["north-1 running embed"]), Promise.JOBS_END),
        (Leftovers(dead_jobs=["north-1 failed parse"]), Promise.JOBS_END),
        (Leftovers(doubled=["north-1: 2 versions, 1 accepted"]), Promise.ACCEPTED),
        (Leftovers(indexed={"north": 9}, expected={"north": 8}), Promise.INDEX),
        (Leftovers(expected={"north": 8}), Promise.INDEX),
        (Leftovers(blobs_without_row=["organisations/o/blobs/aa/aa"]), Promise.BLOBS),
        (Leftovers(rows_without_blob=["organisations/o/blobs/aa/aa"]), Promise.BLOBS),
        (Leftovers(open_flips=1), Promise.QUIET),
        (Leftovers(held_leases=1), Promise.QUIET),
        (Leftovers(unswept_versions=1), Promise.QUIET),
        (Leftovers(unremoved_documents=1), Promise.QUIET),
    ],
)
def test_what_is_left_over_is_seen(left: Leftovers, promise: Promise) -> None:
    tally = Tally()
    judge_leftovers(tally, left)
    assert broken(tally) == {promise}


def test_nothing_left_over_is_right() -> None:
    tally = Tally()
    judge_leftovers(tally, Leftovers(indexed={"north": 8}, expected={"north": 8}))
    assert tally.violation_count == 0
    assert sum(tally.checks.values()) > 0


def test_a_mark_survives_line_breaks() -> None:
    text = sentences("quob", "north", 1, 1, Random(0))[0].replace(" ", "\n")
    assert {mark.owner for mark in marks([text])} == {"north"}


WHOLE = [Child("a.txt", "ready"), Child("b.pdf", "failed", "corrupt")]


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (WHOLE[:1], "ready"),
        ([*WHOLE, WHOLE[0]], "ready"),
        ([*WHOLE, Child("c.txt", "ready")], "ready"),
        ([WHOLE[0], Child("b.pdf", "failed", "internal")], "ready"),
        ([Child("a.txt", "failed", "cancelled"), WHOLE[1]], "ready"),
        (WHOLE, "gone"),
        (WHOLE, "failed"),
    ],
)
def test_what_lies_inside_is_counted(found: list[Child], shown: str) -> None:
    content = Content("a.zip", b"", inside=(Inside("a.txt"), Inside("b.pdf", "corrupt")))
    it, tally = Story(Item("north-1", "north", "quob", (content,), End.READY)), Tally()
    judge_children(tally, it, Outcome("ready", version=1), WHOLE[::-1])
    assert broken(tally) == set()
    judge_children(tally, it, Outcome(shown, version=int(shown == "ready")), found)
    assert broken(tally) == {Promise.INSIDE}
