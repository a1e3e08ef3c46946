"""What callers send: the opening message checked, the document's bytes to disk, the tokenizer's to the shelf."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput, LorekeepError, TooLarge
from lorekeep_parser import failures
from lorekeep_parser.chunking.tokenizer_shelf import Gathering
from lorekeep_parser.sandbox import scratch

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
MAX_PART_BYTES = 1024 * 1024
MAX_NAME_CHARACTERS = 1024
MAX_STATE_BYTES = 256 * 1024
DOCUMENT = "document"
_DRAIN_SECONDS, _DRAIN_IDLE_SECONDS = 5.0, 0.2

_MIN_TOKENS, _MAX_TOKENS = 16, 2048
_DEFAULT_MAX_TOKENS, _DEFAULT_MIN_TOKENS = 512, 128
_MAX_BATCH_PAGES, _DEFAULT_BATCH_PAGES = 100, 10
_MAX_CHARACTERS = 100_000
_MAX_PREFIX_CHARACTERS = 1024
_MAX_LANGUAGES = 8
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(_[A-Za-z]{2,8})?")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def checked_start(start: parser_pb2.ParseStart) -> parser_pb2.ParseStart:
    """The opening of Parse with its defaults filled in; typed errors where it breaks a bound."""
    if start.size_bytes == 0:
        raise failures.empty_file()
    if start.size_bytes > MAX_DOCUMENT_BYTES:
        raise TooLarge(f"The document is larger than {MAX_DOCUMENT_BYTES // 2**20} MB. Split it into smaller ones.")
    if len(start.name) > MAX_NAME_CHARACTERS:
        raise _wrong("name", f"The name is longer than {MAX_NAME_CHARACTERS} characters.")
    if start.batch_pages > _MAX_BATCH_PAGES:
        raise _wrong("batch_pages", f"batch_pages must be 1 to {_MAX_BATCH_PAGES}.")
    if len(start.resume_state) > MAX_STATE_BYTES:
        raise _wrong("resume_state", "The resume state is not one that this parser gave.")
    if start.strategy not in parser_pb2.ReadStrategy.values():
        raise _wrong("strategy", "strategy is none of ReadStrategy's values.")
    if len(start.languages) > _MAX_LANGUAGES or not all(map(_LANGUAGE.fullmatch, start.languages)):
        raise _wrong("languages", f"languages must be at most {_MAX_LANGUAGES} codes like `de` or `chi_sim`.")
    checked = parser_pb2.ParseStart()
    checked.CopyFrom(start)
    checked.batch_pages = start.batch_pages or _DEFAULT_BATCH_PAGES
    checked.strategy = start.strategy or parser_pb2.READ_STRATEGY_AUTO
    if start.HasField("chunk_options"):
        checked.chunk_options.CopyFrom(checked_options(start.chunk_options))
    return checked


def checked_options(options: parser_pb2.ChunkOptions) -> parser_pb2.ChunkOptions:
    """Chunk options with their defaults filled in; InvalidInput where they break a bound."""
    most = options.max_tokens or _DEFAULT_MAX_TOKENS
    least = options.min_tokens or min(_DEFAULT_MIN_TOKENS, most // 2)
    characters = options.unit == parser_pb2.CHUNK_UNIT_CHARACTERS
    longest = _MAX_CHARACTERS if characters else _MAX_TOKENS
    if not _MIN_TOKENS <= most <= longest:
        raise _wrong("max_tokens", f"max_tokens must be {_MIN_TOKENS} to {longest}.")
    if options.overlap_tokens * 2 >= most:
        raise _wrong("overlap_tokens", "overlap_tokens must be less than half of max_tokens.")
    if least > most:
        raise _wrong("min_tokens", "min_tokens must not exceed max_tokens.")
    if options.strategy not in parser_pb2.ChunkStrategy.values() or options.unit not in parser_pb2.ChunkUnit.values():
        raise _wrong("strategy", "strategy or unit is none of ChunkStrategy's or ChunkUnit's values.")
    if len(options.prefix) > _MAX_PREFIX_CHARACTERS:
        raise _wrong("prefix", f"prefix must have at most {_MAX_PREFIX_CHARACTERS} characters.")
    if not characters and not _FINGERPRINT.fullmatch(options.tokenizer_fingerprint):
        raise _wrong("tokenizer_fingerprint", "tokenizer_fingerprint must be a SHA-256 in lower-case hex.")
    return parser_pb2.ChunkOptions(
        max_tokens=most,
        overlap_tokens=options.overlap_tokens,
        min_tokens=least,
        tokenizer_fingerprint="" if characters else options.tokenizer_fingerprint,
        strategy=options.strategy or parser_pb2.CHUNK_STRATEGY_BY_TITLE,
        prefix=options.prefix,
        unit=options.unit or parser_pb2.CHUNK_UNIT_TOKENS,
    )


async def document_received(
    requests: AsyncIterator[parser_pb2.ParseRequest], size_bytes: int, tokenizer: Gathering, directory: Path
) -> Path:
    """Takes the rest of the call in; gives the document's path. Ends as soon as everything announced is there."""
    try:
        return await _received(requests, size_bytes, tokenizer, directory)
    except LorekeepError:
        await _drained(requests)
        raise


async def _received(
    requests: AsyncIterator[parser_pb2.ParseRequest], size_bytes: int, tokenizer: Gathering, directory: Path
) -> Path:
    path, received = directory / DOCUMENT, 0
    with scratch.disk_errors_typed():
        file = path.open("wb", buffering=0)
    with file:
        while received < size_bytes or tokenizer.required:
            request = await anext(requests, None)
            if request is None:
                raise _cut_short(received < size_bytes)
            if request.WhichOneof("part") == "data":
                received += len(request.data)
                _check_part(request.data, received <= size_bytes)
                await scratch.written(file, request.data)
            else:
                take_tokenizer(request, tokenizer)
    return path


async def _drained(requests: AsyncIterator[parser_pb2.ParseRequest]) -> None:
    """Takes in what is on its way, for a while: gRPC tells a caller nothing of how a call ended that it still sends
    into."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while await asyncio.wait_for(anext(requests, None), _DRAIN_IDLE_SECONDS) is not None:
                pass


def take_tokenizer(request: parser_pb2.ParseRequest | parser_pb2.ChunkRequest, tokenizer: Gathering) -> None:
    """A message that belongs to the tokenizer's bytes; InvalidInput where it does not."""
    part = request.WhichOneof("part")
    if part == "tokenizer_data":
        _check_part(request.tokenizer_data, True)
        tokenizer.add(request.tokenizer_data)
    elif part == "tokenizer_end":
        with scratch.disk_errors_typed():
            tokenizer.end()
    else:
        raise InvalidInput(f"The call sent `{part}` where bytes were expected. Follow the order of parser.proto.")


def _check_part(data: bytes, within: bool) -> None:
    if len(data) > MAX_PART_BYTES:
        raise TooLarge(f"One message holds more than {MAX_PART_BYTES} bytes. Send smaller parts.")
    if not within:
        raise _wrong("size_bytes", "More bytes came than size_bytes announced.")


def _cut_short(document: bool) -> LorekeepError:
    what = "the document" if document else "the tokenizer"
    return InvalidInput(f"The call ended before {what} was complete. Repeat it.", reason="incomplete_request")


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, field=field)
