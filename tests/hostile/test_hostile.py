"""The hostile files against one parser that must outlive them all; `make test-hostile` takes them at full weight."""

import pytest

from tests.hostile import bout
from tests.hostile.cases import CASES, Case
from tests.parser.parser_process import Client, ParserProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("case", [pytest.param(each, id=each.title) for each in CASES])
async def test_a_hostile_file_ends_typed_and_the_parser_goes_on(pair: tuple[ParserProcess, Client], case: Case) -> None:
    assert (await bout.fought(*pair, case, lighter=True)).wrong == ""
