"""The journal of an ingest: what it gives back, whatever part of it a crash has left."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorekeep_sdk.command.files import File
from lorekeep_sdk.command.journal import Entry, Journal, JournalError, Journals

HEADING = {"url": "http://x", "collection": "col_1"}
NAMES = st.sampled_from(["a.txt", "b/c.txt", "caf\udce9"])
ENTRIES = st.builds(
    Entry,
    file=NAMES,
    document_id=st.sampled_from(["a", "b"]),
    size_bytes=st.integers(0, 1 << 40),
    mtime_ns=st.integers(),
    sha256=st.just("0" * 64),
    asked=st.just(""),
    outcome=st.sampled_from(["sending", "accepted", "succeeded", "failed", "refused"]),
    job_id=st.none() | st.text(max_size=5),
    message=st.text(max_size=20),
)


def entry(name: str = "a.txt", outcome: str = "accepted") -> Entry:
    return Entry(name, name, 1, 2, "0" * 64, "", outcome)


def last_ones(entries: list[Entry]) -> dict[tuple[str, str], Entry]:
    return {(each.file, each.document_id): each for each in entries}


@settings(max_examples=150, deadline=None)
@given(st.lists(ENTRIES, max_size=6), st.data())
def test_any_prefix_is_a_journal_of_the_lines_that_are_whole(entries: list[Entry], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        journal = Journal(path, HEADING)
        for each in entries:
            journal.add(each, durable=False)
        journal.close()
        whole = path.read_bytes()
        cut = whole[: data.draw(st.integers(0, len(whole)))]
        path.write_bytes(cut)
        kept = last_ones(entries[: max(0, cut.count(b"\n") - 1)])
        again = Journal(path, HEADING)
        assert {key: again.find(*key) for key in last_ones(entries)} == {
            key: kept.get(key) for key in last_ones(entries)
        }
        again.add(entry("new"))
        again.close()
        third = Journal(path, HEADING)
        assert third.find("new", "new") == entry("new")
        assert {key: third.find(*key) for key in kept} == kept
        third.close()


@given(st.lists(st.binary(max_size=40).filter(lambda each: b"\n" not in each)))
def test_lines_that_make_no_sense_are_passed_over(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        first = Journal(path, HEADING)
        first.add(entry())
        first.close()
        with path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))
        again = Journal(path, HEADING)
        again.add(entry("b"))
        assert again.find("a.txt", "a.txt") == entry()
        assert again.find("b", "b") == entry("b")
        again.close()


def test_two_at_once_are_refused_and_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = Journal(path, HEADING)
    with pytest.raises(JournalError, match="Another `lorekeep ingest` is at work"):
        Journal(path, HEADING)
    first.close()
    Journal(path, HEADING).close()


def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("dear diary\n")
    for fresh in (False, True):
        with pytest.raises(JournalError, match="left as it is"):
            Journal(path, HEADING, fresh=fresh)
    assert path.read_text() == "dear diary\n"


def test_a_journal_of_another_collection_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path, HEADING).close()
    with pytest.raises(JournalError, match="another service or collection"):
        Journal(path, {**HEADING, "collection": "col_2"})
    Journal(path, {**HEADING, "collection": "col_2"}, fresh=True).close()
    assert json.loads(path.read_text())["collection"] == "col_2"


def test_a_fresh_one_forgets(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = Journal(path, HEADING)
    first.add(entry())
    first.close()
    again = Journal(path, HEADING, fresh=True)
    assert again.find("a.txt", "a.txt") is None
    again.close()


def test_each_folder_has_its_own_and_a_named_one_serves_all(tmp_path: Path, state_folder: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    here, there = File(one / "a", "a", root=one), File(two / "a", "a", root=two)
    for named in (None, tmp_path / "named"):
        with Journals("http://x", "col_1", [one, two, one], named=named) as journals:
            journals.add(here, entry("a", "accepted"))
            assert journals.find(there) is None
            journals.add(there, entry("a", "failed"))
        with Journals("http://x", "col_1", [two], named=named) as journals:
            found = journals.find(there)
            assert found is not None
            assert (found.outcome, found.file) == ("failed", str(two / "a"))
    kept = list((state_folder / "lorekeep" / "ingest").iterdir())
    assert len(kept) == 2
    assert {oct(each.stat().st_mode & 0o777) for each in kept} == {"0o600"}


def test_where_no_journal_can_be_kept_it_is_told(
    tmp_path: Path, state_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state_folder / "lorekeep").write_text("in the way")
    file = File(tmp_path / "a", "a", root=tmp_path)
    with Journals("http://x", "col_1", [tmp_path]) as journals:
        journals.add(file, entry("a"))
        assert journals.find(file) is not None
    assert "No journal can be kept" in capsys.readouterr().err
    with pytest.raises(JournalError, match="cannot be used"):
        Journals("http://x", "col_1", [tmp_path], named=tmp_path / "no" / "folder").__enter__()


def test_a_full_disk_is_told_once_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    file = File(tmp_path / "a", "a", root=tmp_path)
    with Journals("http://x", "col_1", [tmp_path]) as journals:
        [journal] = journals._journals.values()
        kept = os.dup(journal._write)
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, journal._write)
        for _ in range(2):
            journals.add(file, entry("a"))
        os.dup2(kept, journal._write)
        os.close(kept)
        os.close(full)
    assert capsys.readouterr().err.count("cannot be written any more") == 1
