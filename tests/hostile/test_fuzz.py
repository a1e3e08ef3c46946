"""A short run of what `make bench-fuzz` does for minutes."""

import math

import pytest

from tests.hostile import fuzzing
from tests.parser.parser_process import DATA, Client, ParserProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DOCUMENTS = 150


@pytest.mark.skipif(not DATA.exists(), reason="the documents are not here; set LOREKEEP_TEST_DATA")
async def test_a_damaged_document_ends_with_a_type(pair: tuple[ParserProcess, Client]) -> None:
    alive = pair[0].pid
    tally = await fuzzing.fuzz(*pair, DATA, range(_DOCUMENTS), math.inf, print)
    assert tally.holes == []
    assert sum(tally.outcomes.values()) == _DOCUMENTS
    assert tally.outcomes["ok"] > 0 and tally.outcomes["corrupt"] > 0
    assert pair[0].pid == alive
