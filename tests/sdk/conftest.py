"""A service of the contract, and clients for it."""

from collections.abc import Iterator

import pytest

from lorekeep_sdk import Lorekeep
from tests.sdk.contract_server import KEY, Service, serving


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
