"""One parser that must outlive the whole folder."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.hostile import bout
from tests.parser.parser_process import Client, ParserProcess, running


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ParserProcess, Client]]:
    """A running parser and a client of it."""
    async with running(tmp_path_factory.mktemp("scratch")) as it:
        await bout.warmed(it[1])
        yield it
