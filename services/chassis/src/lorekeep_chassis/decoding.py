"""Requests that are no message of their type: a typed refusal, where grpc would answer UNKNOWN and log a stack."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from google.protobuf.message import DecodeError

from lorekeep_chassis.errors import InvalidInput


class _Undecodable:
    """Stands for a request whose bytes could not be read."""


def decoding(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """`deserialize`, with its failure kept until a handler can refuse it by `decoded`."""
    if deserialize is None:
        return None

    def deserialized(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _Undecodable()

    return deserialized


def decoded(request: Any) -> Any:
    """The request, or of a streaming call its requests; InvalidInput `undecodable` for bytes that could not be read."""
    if isinstance(request, _Undecodable):
        raise InvalidInput(
            "The request is no message of its type: its bytes are damaged, or a string is not UTF-8. Encode it with "
            "the service's protos.",
            reason="undecodable",
        )
    return request


async def each_decoded(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The requests of a streaming call, as `decoded` gives one."""
    async for request in requests:
        yield decoded(request)
