"""The clock of a document: it runs out, but not while the caller is waited for."""

import asyncio

import pytest

from lorekeep_chassis import errors
from lorekeep_parser.sandbox.children import Clock


async def test_the_time_of_the_caller_does_not_count() -> None:
    clock, reached = Clock(0.2), []
    with pytest.raises(errors.DeadlineExceeded) as raised:
        async with clock.running() as timeout:
            with clock.standing(timeout):
                await asyncio.sleep(0.5)
            reached.append("behind the caller")
            await asyncio.sleep(5)
            reached.append("behind the end")
    assert raised.value.reason == "parse_timeout"
    assert reached == ["behind the caller"]
