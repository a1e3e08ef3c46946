"""The command finds the address and the key of a suite, and gives no key to a stranger."""

import json
from pathlib import Path

import pytest

from lorekeep_sdk.command.suite import Connection, NotFindable, find


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / ".lorekeep"
    made.mkdir()
    (made / "admin.key").write_text("kb_local\n")
    (made / "suite.json").write_text(json.dumps({"url": "http://127.0.0.1:8123", "phase": "ready"}))
    return made


def test_the_suite_around_the_folder_is_found(home: Path, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find("", "", {}, deep) == Connection("http://127.0.0.1:8123", "kb_local")


def test_a_named_home_goes_first(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "admin.key").write_text("kb_other")
    found = find("", "", {"LOREKEEP_HOME": "other", "LOREKEEP_PORT": "9000"}, tmp_path)
    assert found == Connection("http://127.0.0.1:9000", "kb_other")


def test_what_is_given_goes_before_what_is_found(home: Path, tmp_path: Path) -> None:
    assert find("http://localhost:1/", "kb_given", {}, tmp_path) == Connection("http://localhost:1", "kb_given")
    assert find("", "kb_given", {}, tmp_path).url == "http://127.0.0.1:8123"
    assert find("http://[::1]:7", "", {}, tmp_path).key == "kb_local"


def test_a_suite_that_has_not_written_its_address_yet_has_the_default_one(home: Path, tmp_path: Path) -> None:
    (home / "suite.json").write_text(json.dumps({"url": ""}))
    assert find("", "", {}, tmp_path).url == "http://127.0.0.1:8000"


def test_the_local_key_is_not_sent_to_another_machine(home: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFindable, match="--key"):
        find("https://search.example.com", "", {}, tmp_path)


def test_a_found_file_cannot_lead_to_another_machine(home: Path, tmp_path: Path) -> None:
    (home / "suite.json").write_text(json.dumps({"url": "http://203.0.113.5:8000"}))
    with pytest.raises(NotFindable, match="another machine"):
        find("", "kb_given", {}, tmp_path)


def test_without_authentication_no_key_is_needed(tmp_path: Path) -> None:
    assert find("", "", {"LOREKEEP_AUTH": "off"}, tmp_path) == Connection("http://127.0.0.1:8000", "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("admin.key", None, "make up"),
        ("admin.key", b" \n", "empty"),
        ("admin.key", b"\xff\xfe", "cannot be read"),
        ("suite.json", b"{", "cannot be read"),
        ("suite.json", b"[]", "cannot be read"),
    ],
)
def test_what_is_missing_or_broken_is_named(
    home: Path, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    (home / name).unlink()
    if content is not None:
        (home / name).write_bytes(content)
    with pytest.raises(NotFindable, match=said):
        find("", "", {}, tmp_path)


def test_no_suite_at_all_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotFindable, match="make up"):
        find("", "", {}, tmp_path)


@pytest.mark.parametrize(
    "url", ["search.example.com", "ftp://x", "http://", "127.0.0.1:8000", "http://[::1", "http://x:y"]
)
def test_what_is_no_address_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFindable, match="no address"):
        find(url, "kb", {}, tmp_path)
