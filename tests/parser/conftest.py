"""One parser for the whole folder: it takes seconds to start, and no document may hurt it."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a disk of 8 MiB."""
    if os.getuid() != 0:
        pytest.skip("only root mounts a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)
