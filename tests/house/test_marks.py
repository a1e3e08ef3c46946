"""The list of slow tests names files that are there."""

from tests.conftest import SLOW, TESTS


def test_every_slow_file_is_there() -> None:
    assert [
        f"{folder}/{name}" for folder, names in SLOW.items() for name in names if not (TESTS / folder / name).exists()
    ] == []
