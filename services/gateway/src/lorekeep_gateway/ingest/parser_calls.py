"""What both streaming calls of the parser have in common."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import grpc

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.ingest.pipes import Pipe

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]
_PIECE_BYTES = 512 * 1024


class Supplies(Protocol):
    """What the parser asks for on its way, of the model that the chunks are for."""

    async def tokenizer(self) -> bytes:
        """Its tokenizer.json."""

    async def vectors(self, texts: Sequence[str]) -> parser_pb2.Vectors:
        """Vectors of texts, in their order."""


def asks_for_vectors(options: parser_pb2.ChunkOptions) -> bool:
    """Whether the parser may ask for vectors, and the caller's side of the call stays open."""
    return options.strategy == parser_pb2.CHUNK_STRATEGY_SEMANTIC


async def send_tokenizer(requests: Pipe[Any], kind: Any, supplies: Supplies) -> None:
    """Sends a tokenizer's bytes and their end, in messages of `kind`."""
    content = await supplies.tokenizer()
    for start in range(0, len(content), _PIECE_BYTES):
        await requests.put(kind(tokenizer_data=content[start : start + _PIECE_BYTES]))
    await requests.put(kind(tokenizer_end=parser_pb2.TokenizerEnd()))


async def send_vectors(requests: Pipe[Any], kind: Any, supplies: Supplies, asked: parser_pb2.VectorsRequired) -> None:
    """Answers a question for vectors, in a message of `kind`."""
    await requests.put(kind(vectors=await supplies.vectors(asked.texts)))


async def next_answer(call: Any, seconds: float) -> Any:
    """The next answer; waiting for room further on is no part of the time it may take."""
    try:
        async with asyncio.timeout(seconds):
            return await call.read()
    except TimeoutError:
        raise errors.DeadlineExceeded(
            "The parser gave no answer in time. Try again, or split the document.", reason="parse_timeout"
        ) from None
