"""The same seed writes the same documents, and every kind of them."""

from pathlib import Path

import pytest

from tests.chaos import script
from tests.chaos.script import OWNERS, End


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    assert script.write(1, 40, tmp_path) == script.write(1, 40, tmp_path)
    assert script.write(1, 40, tmp_path) != script.write(2, 40, tmp_path)


@pytest.mark.parametrize("documents", [24, 200])
def test_every_end_is_asked_for_and_words_are_shared_across_the_wall(documents: int, tmp_path: Path) -> None:
    items = script.write(1, documents, tmp_path)
    assert len(items) == documents
    assert len({each.document_id for each in items}) == documents
    assert {each.end for each in items} == set(End)
    assert max(len(each.editions) for each in items) == 2
    words = [{each.word for each in items if each.owner == owner} for owner in OWNERS]
    assert words[0] == words[1]
    assert len(words[0]) == documents // 2
