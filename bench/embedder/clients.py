"""Callers of a server, each with a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import grpc
import httpx
from tests.embedder.processes import TOKEN

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.calls import CallContext, Lane
from lorekeep_chassis.channels import WIRE_LIMIT_BYTES

Caller = Callable[[Sequence[str]], Awaitable[bytes]]
METHOD = "/lorekeep.embedder.v1.EmbedderService/Embed"
LONGEST_SECONDS = 120.0
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", WIRE_LIMIT_BYTES)]
_PURPOSES = {Lane.INTERACTIVE: embedder_pb2.PURPOSE_QUERY, Lane.BULK: embedder_pb2.PURPOSE_PASSAGE}


@asynccontextmanager
async def over_grpc(
    port: int, lane: Lane, count: int, organisations: int = 1, timeout_seconds: float = LONGEST_SECONDS
) -> AsyncIterator[list[Caller]]:
    """Callers of ours, in turn of each organisation; the vectors are the answer's bytes. Errors are gRPC's.

    They go without the chassis' interceptors: what a caller spends is not measured, and shall not be in the way.
    """
    async with AsyncExitStack() as stack:
        callers = []
        for number in range(count):
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}", _OPTIONS))
            callers.append(_grpc_caller(channel, lane, f"org_{number % organisations}", timeout_seconds))
        yield callers


def _grpc_caller(channel: grpc.aio.Channel, lane: Lane, organisation_id: str, timeout_seconds: float) -> Caller:
    metadata = (("authorization", f"Bearer {TOKEN}"), *CallContext(organisation_id, "bench", "bench", lane).metadata())
    method = channel.unary_unary(
        METHOD,
        request_serializer=embedder_pb2.EmbedRequest.SerializeToString,
        response_deserializer=embedder_pb2.EmbedResponse.FromString,
    )

    async def call(texts: Sequence[str]) -> bytes:
        request = embedder_pb2.EmbedRequest(texts=texts, purpose=_PURPOSES[lane])
        answer: embedder_pb2.EmbedResponse = await method(request, metadata=metadata, timeout=timeout_seconds)
        return answer.vectors

    return call


@asynccontextmanager
async def over_http(port: int, model: str, count: int) -> AsyncIterator[list[Caller]]:
    """Callers of an OpenAI-like server. Vectors are asked for in base64, which is less work for it than numbers."""
    async with AsyncExitStack() as stack:
        base, limits = f"http://127.0.0.1:{port}", httpx.Limits(max_connections=1)
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=LONGEST_SECONDS, limits=limits))
            for _ in range(count)
        ]
        yield [partial(_posted, client, model) for client in clients]


async def _posted(client: httpx.AsyncClient, model: str, texts: Sequence[str]) -> bytes:
    asked = {"model": model, "input": list(texts), "encoding_format": "base64"}
    answer = await client.post("/embeddings", json=asked)
    return answer.raise_for_status().content


async def all_called(callers: Sequence[Caller], texts: Sequence[str]) -> None:
    """One request of each, so that all connections stand."""
    await asyncio.gather(*(call(texts) for call in callers))
