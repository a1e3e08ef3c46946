"""ParserService: decode, call, encode."""

from collections.abc import AsyncIterator
from typing import Any

from lorekeep.parser.v1 import parser_pb2, parser_pb2_grpc
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import intake
from lorekeep_parser.desk import Desk


class ParserServicer(parser_pb2_grpc.ParserServiceServicer):
    """Both methods take a slot first, so that more callers than children are refused before they send a document."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def Parse(
        self, request_iterator: AsyncIterator[parser_pb2.ParseRequest], context: Any
    ) -> AsyncIterator[parser_pb2.ParseResponse]:
        requests = aiter(request_iterator)
        start = intake.checked_start((await _opening(requests)).start)
        async with self._desk.place(start.chunk_options) as place:
            yield parser_pb2.ParseResponse(accepted=place.accepted())
            async for response in place.parsed(start, requests):
                yield response

    async def Chunk(
        self, request_iterator: AsyncIterator[parser_pb2.ChunkRequest], context: Any
    ) -> AsyncIterator[parser_pb2.ChunkResponse]:
        requests = aiter(request_iterator)
        options = intake.checked_options((await _opening(requests)).start)
        async with self._desk.place(options) as place:
            yield parser_pb2.ChunkResponse(accepted=place.accepted())
            async for response in place.chunked(options, requests):
                yield response


async def _opening(requests: AsyncIterator[Any]) -> Any:
    """The first message; InvalidInput where it is not `start`."""
    first = await anext(requests, None)
    if first is None or first.WhichOneof("part") != "start":
        raise InvalidInput("The call must open with `start`.")
    return first
