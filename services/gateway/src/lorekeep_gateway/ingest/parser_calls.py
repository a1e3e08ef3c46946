"""What both streaming calls of the parser have in common."""

import asyncio
from typing import Any

import grpc

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.pipes import Pipe

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]
_PIECE_BYTES = 512 * 1024


async def send_tokenizer(requests: Pipe[Any], kind: Any, embedding: Embedding, fingerprint: str) -> None:
    """Sends a tokenizer's bytes and their end, in messages of `kind`."""
    content = await embedding.tokenizer(fingerprint)
    for start in range(0, len(content), _PIECE_BYTES):
        await requests.put(kind(tokenizer_data=content[start : start + _PIECE_BYTES]))
    await requests.put(kind(tokenizer_end=parser_pb2.TokenizerEnd()))


async def next_answer(call: Any, seconds: float) -> Any:
    """The next answer; waiting for room further on is no part of the time it may take."""
    try:
        async with asyncio.timeout(seconds):
            return await call.read()
    except TimeoutError:
        raise errors.DeadlineExceeded(
            "The parser gave no answer in time. Try again, or split the document.", reason="parse_timeout"
        ) from None
