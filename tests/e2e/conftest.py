from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.receiver import Receiver, receiving
from tests.e2e.suite import DATA, Suite, running


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with receiving() as it:
        yield it


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Suite]:
    """One suite for all tests that do not stop it, traced into the receiver."""
    home = tmp_path_factory.mktemp("suite") / "home"
    with running(home, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as it:
        yield it


@pytest.fixture(scope="session")
def documents() -> Path:
    """The folder of real documents."""
    if not (DATA / "docs").is_dir():
        pytest.skip(f"no documents at {DATA / 'docs'}; name the folder in LOREKEEP_TEST_DATA")
    return DATA / "docs"
