"""Which promise was kept how often, and which was broken by what. Nothing here talks to anything."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.passages import Mark, marks
from tests.chaos.script import End, Item

_TOLD = 25


class Promise(StrEnum):
    """What is promised, as the table names it."""

    OWN = "no search shows another organisation's text"
    WHOLE = "a search shows one whole edition: not half, not two, not none"
    FORWARD = "what was shown is not replaced by something older"
    TYPED = "what cannot be answered is refused with a reason, and only while a part is down"
    ACCEPTED = "each accepted edition is one document, one version and one job"
    RIGHT_END = "each document reaches its right end"
    JOBS_END = "no job waits, runs or is dead at the end"
    CHUNKS = "chunks are those of an undisturbed run"
    INSIDE = "what lies inside of a document is there once, at its right end, and goes with it"
    INDEX = "the index holds each chunk once and nothing else"
    BLOBS = "bytes lie in the store exactly where rows name them"
    QUIET = "no flip is open, no lease is held, nothing waits to be removed"


@dataclass
class Tally:
    """Checks and violations by promise."""

    checks: Counter[Promise] = field(default_factory=Counter)
    violations: dict[Promise, list[str]] = field(default_factory=dict)

    def check(self, promise: Promise, kept: object, broken_by: str) -> None:
        """Counts one check; `broken_by` says what was seen where it failed."""
        self.checks[promise] += 1
        if not kept:
            self.violations.setdefault(promise, []).append(broken_by)

    @property
    def violation_count(self) -> int:
        """All violations."""
        return sum(map(len, self.violations.values()))

    def told(self) -> list[str]:
        """A line for each violation, not more than some of each promise."""
        return [f"{promise}: {each}" for promise, found in self.violations.items() for each in found[:_TOLD]]


@dataclass
class Story:
    """What is known of a document so far; times are monotonic.

    `sent` holds when the upload of an edition began, `jobs` the job of each accepted edition, `shown` when the job of
    an edition was known to have succeeded.
    """

    item: Item
    sent: dict[int, float] = field(default_factory=dict)
    jobs: dict[int, str] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)
    delete_began: float | None = None
    deleted: float | None = None
    over: bool = False


@dataclass(frozen=True)
class Passage:
    """A chunk as an answer shows it. `owner` is what the metadata of its document says."""

    chunk_id: str
    document_id: str
    owner: str
    text: str


@dataclass(frozen=True)
class Sighting:
    """One answer that lists all of one document."""

    began: float
    ended: float
    how: str
    passages: Sequence[Passage]


def judge_owner(tally: Tally, owner: str, how: str, found: Iterable[Passage]) -> None:
    """Whether all that was found is `owner`'s, by its metadata and by each sentence."""
    for each in found:
        others = {mark.owner for mark in marks([each.text])} | {each.owner}
        kept = others == {owner} and each.document_id.startswith(f"{owner}-")
        tally.check(Promise.OWN, kept, f"{how} of {owner} found {each.document_id} of {sorted(others)}")


def judge_sighting(tally: Tally, story: Story, seen: Sighting) -> None:
    """Whether an answer shows exactly one edition whole, and none that is older than what was shown before."""
    if story.delete_began is not None and story.delete_began <= seen.ended:
        gone = story.deleted is not None and story.deleted <= seen.began
        if gone:
            tally.check(Promise.WHOLE, not seen.passages, f"{_place(story, seen)}: a deleted document is found")
        return
    found = marks(each.text for each in seen.passages)
    wrong = _not_whole(story, seen, found)
    tally.check(Promise.WHOLE, not wrong, f"{_place(story, seen)}: {wrong}")
    due = max((edition for edition, since in story.shown.items() if since < seen.began), default=0)
    editions = {mark.edition for mark in found}
    if editions:
        tally.check(
            Promise.FORWARD, min(editions) >= due, f"{_place(story, seen)}: edition {min(editions)} after {due}"
        )


def _not_whole(story: Story, seen: Sighting, found: set[Mark]) -> str:
    """What is wrong with the marks that were found; empty where nothing is."""
    if not found:
        shown = any(since < seen.began for since in story.shown.values())
        return "nothing is found though it was ready" if shown else ""
    ids = Counter(each.chunk_id for each in seen.passages)
    editions = {mark.edition for mark in found}
    sent = {edition for edition, since in story.sent.items() if since <= seen.ended}
    if len(editions) > 1:
        return f"editions {sorted(editions)} at once"
    if not editions <= sent:
        return f"edition {editions} was not sent yet"
    if {mark.word for mark in found} != {story.item.word}:
        return "passages of another document"
    edition = editions.pop()
    wanted = story.item.editions[edition - 1].passage_count
    numbers = {mark.passage for mark in found}
    if numbers != set(range(1, wanted + 1)):
        return f"{len(numbers)} of {wanted} passages of edition {edition}"
    double = [each for each, count in ids.items() if count > 1]
    return f"chunks {double} twice in one answer" if double else ""


def _place(story: Story, seen: Sighting) -> str:
    return f"{seen.how} of {story.item.document_id}, {seen.ended - seen.began:.2f} s"


@dataclass(frozen=True)
class Outcome:
    """A document as the service shows it at the end; `status` is `gone` where it does not."""

    status: str
    reason: str = ""
    version: int = 0
    jobs: Mapping[str, str] = field(default_factory=dict)  # each accepted edition's job: `status` or `status:reason`


def judge_end(tally: Tally, story: Story, seen: Outcome) -> None:
    """Whether a document came to its right end, and all its jobs with it."""
    wrong = _wrong_end(story, seen)
    tally.check(Promise.RIGHT_END, not wrong, f"{story.item.document_id}: {wrong}")
    for edition, job in story.jobs.items():
        said = seen.jobs.get(job, "missing")
        kept = said in _allowed_jobs(story.item, edition)
        tally.check(Promise.RIGHT_END, kept, f"{story.item.document_id}: the job of edition {edition} is {said}")


def _wrong_end(story: Story, seen: Outcome) -> str:
    item, shown = story.item, f"{seen.status} {seen.reason}".strip()
    if item.end is End.DELETED:
        return "" if seen.status == "gone" else f"{shown} though it was deleted"
    if item.end is End.FAILED:
        return "" if (seen.status, seen.reason) == ("failed", item.reason) else f"{shown}, not failed {item.reason}"
    if item.end is End.CANCELLED and seen.jobs.get(story.jobs[1], "").startswith("cancelled"):
        return "" if (seen.status, seen.reason) == ("failed", "cancelled") else f"{shown} though it was cancelled"
    if seen.status != "ready":
        return f"{shown}, not ready"
    return "" if seen.version == len(item.editions) else f"edition {seen.version} is shown at the end"


def _allowed_jobs(item: Item, edition: int) -> set[str]:
    if item.end is End.DELETED:
        return {"missing"}
    if item.end is End.FAILED:
        return {f"failed:{item.reason}"}
    if item.end is End.CANCELLED:
        return {"succeeded", "cancelled:cancelled"}
    return {"succeeded", "cancelled:superseded"} if edition < len(item.editions) else {"succeeded"}


@dataclass(frozen=True)
class Child:
    """A document inside of another: `path` is its public id behind that of the outermost."""

    path: str
    status: str
    reason: str = ""


def judge_children(tally: Tally, story: Story, seen: Outcome, found: Sequence[Child]) -> None:
    """Whether what lies inside of a document that is shown is there, each once and at its right end; and nothing
    inside of one that is not."""
    shown = seen.status == "ready" and seen.version
    wanted = story.item.editions[shown - 1].inside if shown else ()
    right = Counter(Child(each.path, "failed" if each.reason else "ready", each.reason) for each in wanted)
    wrong = (Counter(found) - right) + (right - Counter(found))
    tally.check(
        Promise.INSIDE, not wrong, f"{story.item.document_id}: not as it should be are {sorted(map(str, wrong))}"
    )


@dataclass(frozen=True)
class Chunk:
    """A chunk apart from its id."""

    text: str
    page: int | None
    start: int
    end: int


def judge_chunks(
    tally: Tally, name: str, found: Sequence[tuple[str, Chunk]], wanted: Sequence[Chunk], kept: int
) -> None:
    """Whether the listed chunks (with their ids) are those of the undisturbed run, and as many as the row says."""
    chunks = [each for _, each in found]
    differing = [n for n, pair in enumerate(zip(chunks, wanted, strict=False)) if pair[0] != pair[1]]
    same = chunks == list(wanted)
    told = f"{name}: {len(chunks)} chunks, undisturbed {len(wanted)}, differing at {differing[:5]}"
    tally.check(Promise.CHUNKS, same, told)
    tally.check(Promise.INDEX, len({each for each, _ in found}) == len(found), f"{name}: a chunk is listed twice")
    tally.check(Promise.INDEX, len(found) == kept, f"{name}: {len(found)} chunks listed, {kept} in the row")


@dataclass(frozen=True)
class Leftovers:
    """What is there beyond the documents: counts and names. `indexed` and `expected` are chunks by owner."""

    unended_jobs: Sequence[str] = ()
    dead_jobs: Sequence[str] = ()
    doubled: Sequence[str] = ()
    indexed: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    blobs_without_row: Sequence[str] = ()
    rows_without_blob: Sequence[str] = ()
    open_flips: int = 0
    held_leases: int = 0
    unswept_versions: int = 0
    unremoved_documents: int = 0


def judge_leftovers(tally: Tally, left: Leftovers) -> None:
    """Whether everything is tidy."""
    tally.check(Promise.JOBS_END, not left.unended_jobs, f"not ended: {list(left.unended_jobs)[:10]}")
    tally.check(Promise.JOBS_END, not left.dead_jobs, f"dead: {list(left.dead_jobs)[:10]}")
    tally.check(Promise.ACCEPTED, not left.doubled, f"not what was accepted: {list(left.doubled)[:10]}")
    for owner, expected in left.expected.items():
        told = f"{left.indexed.get(owner)} chunks of {owner} in the index, {expected} are visible"
        tally.check(Promise.INDEX, left.indexed.get(owner) == expected, told)
    tally.check(Promise.BLOBS, not left.blobs_without_row, f"no row names {list(left.blobs_without_row)[:5]}")
    tally.check(Promise.BLOBS, not left.rows_without_blob, f"no bytes for {list(left.rows_without_blob)[:5]}")
    tally.check(Promise.QUIET, left.open_flips == 0, f"{left.open_flips} flips are open")
    tally.check(Promise.QUIET, left.held_leases == 0, f"{left.held_leases} ended jobs hold a lease")
    tally.check(Promise.QUIET, left.unswept_versions == 0, f"{left.unswept_versions} retired versions are not swept")
    tally.check(Promise.QUIET, left.unremoved_documents == 0, f"{left.unremoved_documents} deletions are unfinished")
