"""One parser for the whole folder: it takes seconds to start, and no document may hurt it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.parser.parser_process import DATA, Client, ParserProcess, running


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def parser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ParserProcess, Client]]:
    """A running parser and a client of it."""
    async with running(tmp_path_factory.mktemp("scratch")) as pair:
        yield pair


@pytest.fixture
def client(parser: tuple[ParserProcess, Client]) -> Client:
    return parser[1]


@pytest.fixture
def documents() -> Path:
    """The folder of real documents."""
    if not (DATA / "MANIFEST.tsv").exists():
        pytest.skip("the documents are not here; set LOREKEEP_TEST_DATA")
    return DATA
