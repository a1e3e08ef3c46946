"""A short run of what `make bench-fuzz` does for minutes."""

import math

import pytest

from tests.hostile import fuzzing
from tests.parser.parser_process import DATA, Client, ParserProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DOCUMENTS = 150
# Each killed a reader once. 1408: a PDF whose damaged font makes sizes without end.
_KILLERS = (1408,)


@pytest.mark.skipif(not DATA.exists(), reason="the documents are not here; set LOREKEEP_TEST_DATA")
async def test_a_damaged_document_ends_with_a_type(pair: tuple[ParserProcess, Client]) -> None:
    alive = pair[0].pid
    tally = await fuzzing.fuzz(*pair, DATA, range(_DOCUMENTS), math.inf, print)
    assert tally.holes == []
    assert sum(tally.outcomes.values()) == _DOCUMENTS
    assert tally.outcomes["ok"] > 0 and tally.outcomes["corrupt"] > 0
    assert pair[0].pid == alive


@pytest.mark.skipif(not DATA.exists(), reason="the documents are not here; set LOREKEEP_TEST_DATA")
@pytest.mark.parametrize("seed", _KILLERS)
async def test_what_killed_a_reader_once_does_not_again(pair: tuple[ParserProcess, Client], seed: int) -> None:
    tally = await fuzzing.fuzz(*pair, DATA, range(seed, seed + 1), math.inf, print)
    assert (tally.holes, tally.crashed, sum(tally.outcomes.values())) == ([], [], 1)
