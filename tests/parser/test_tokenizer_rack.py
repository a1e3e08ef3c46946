"""Tokenizers that the fork server holds: loaded once, a few at a time, and no trouble where they are broken."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking import tokenizer_rack


def _tokenizer(path: Path, *words: str) -> str:
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate((*words, "[UNK]"))}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(path))
    return str(path)


def test_what_is_held_is_loaded_once_and_its_file_may_go(tmp_path: Path) -> None:
    path = _tokenizer(tmp_path / "a.json", "lighthouse")
    tokenizer_rack.hold(path)
    Path(path).unlink()
    held = tokenizer_rack.counter(path)
    assert held.counts(["lighthouse keeper"]) == [2]
    tokenizer_rack.hold(path)
    assert tokenizer_rack.counter(path) is held


def test_the_latest_used_stay(tmp_path: Path) -> None:
    paths = [_tokenizer(tmp_path / f"{number}.json", "word") for number in range(6)]
    tokenizer_rack.hold(paths[0])
    first = tokenizer_rack.counter(paths[0])
    for path in paths[1:]:
        tokenizer_rack.hold(path)
        tokenizer_rack.hold(paths[0])
    assert tokenizer_rack.counter(paths[0]) is first
    Path(paths[1]).unlink()
    with pytest.raises(OSError):
        tokenizer_rack.counter(paths[1])


def test_a_broken_one_is_told_by_the_child_and_not_by_the_fork_server(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    tokenizer_rack.hold(str(path))
    with pytest.raises(InvalidInput):
        tokenizer_rack.counter(str(path))
