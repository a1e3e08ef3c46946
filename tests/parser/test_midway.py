"""Calls that the parser ends while their document is still on its way: the caller learns why."""

import pytest
from tests.parser.parser_process import OWNER, Client

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import calls, client_calls, errors
from lorekeep_gateway.ingest.pipes import Pipe, beside

pytestmark = pytest.mark.asyncio(loop_scope="session")
_PIECE = bytes(512 * 1024)
_PIECES = 24
_TRIES = 30


async def _sent(client: Client, start: parser_pb2.ParseStart) -> None:
    """Sends more than was announced, as ingest sends a document."""
    requests: Pipe[parser_pb2.ParseRequest] = Pipe(1)
    with calls.calling_as(OWNER):
        call = client.stub.Parse(aiter(requests), timeout=60)

    async def received() -> None:
        async for _ in call:
            pass

    async def sent() -> None:
        await requests.put(parser_pb2.ParseRequest(start=start))
        for _ in range(_PIECES):
            await requests.put(parser_pb2.ParseRequest(data=_PIECE))
        await requests.close()

    try:
        async with client_calls.translated():
            await beside(received(), sent())
    finally:
        requests.abandon()
        call.cancel()


async def test_what_is_wrong_midway_is_told_though_the_document_still_comes(client: Client) -> None:
    told = []
    for _ in range(_TRIES):
        with pytest.raises(errors.LorekeepError) as raised:
            await _sent(client, parser_pb2.ParseStart(size_bytes=1000))
        told.append((raised.value.reason, getattr(raised.value, "field", "")))
    assert told == [("invalid_input", "size_bytes")] * _TRIES


async def test_a_caller_that_stands_still_is_not_waited_for(client: Client) -> None:
    requests: Pipe[parser_pb2.ParseRequest] = Pipe(3)
    with calls.calling_as(OWNER), pytest.raises(errors.InvalidInput):
        async with client_calls.translated():
            call = client.stub.Parse(aiter(requests), timeout=60)
            await requests.put(parser_pb2.ParseRequest(start=parser_pb2.ParseStart(size_bytes=10)))
            await requests.put(parser_pb2.ParseRequest(data=b"more than was announced"))
            async for _ in call:
                pass
