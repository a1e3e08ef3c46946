"""A service of the contract, and clients for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lorekeep_sdk import Lorekeep
from tests.sdk.contract_server import KEY, Service, serving


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the command keeps its journals, in this test alone; processes that it starts have it from here."""
    before, folder = os.environ.get("XDG_STATE_HOME"), tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(folder)
    yield folder
    del os.environ["XDG_STATE_HOME"]
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    with serving(service) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Lorekeep]:
    with Lorekeep(url, KEY, deadline_seconds=10) as made:
        yield made
