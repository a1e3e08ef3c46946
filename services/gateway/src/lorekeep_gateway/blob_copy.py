"""Copies a blob store into another, so that its kind can be changed: a directory to a bucket, or back.

What is there already with the same size is passed over, so that a copy that was broken off is gone on with and a
second run brings only what came meanwhile. An original whose bytes do not have the hash in its name is reported and
not copied.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import obstore

_READ_BYTES = 1024 * 1024
_AT_ONCE = 8
_ORIGINAL = re.compile(r"/blobs/[0-9a-f]{2}/([0-9a-f]{64})$")

Told = Callable[["Copied"], None]


@dataclass
class Copied:
    """How far a copy is: objects copied, passed over, and refused since their bytes are not what their name says."""

    copied_count: int = 0
    copied_bytes: int = 0
    present_count: int = 0
    corrupt: tuple[str, ...] = ()


async def copy(source: Any, target: Any, told: Told = lambda _: None) -> Copied:
    """Copies every object of `source` to `target`, both obstore stores; `told` is given the count after each."""
    done, gate = Copied(), asyncio.Semaphore(_AT_ONCE)

    async def one(path: str, size: int) -> None:
        try:
            await _copy_one(source, target, path, size, done)
            told(done)
        finally:
            gate.release()

    async with asyncio.TaskGroup() as group:
        async for listed in obstore.list(source):
            for each in listed:
                await gate.acquire()
                group.create_task(one(each["path"], each["size"]))
    return done


async def _copy_one(source: Any, target: Any, path: str, size: int, done: Copied) -> None:
    if await _size(target, path) == size:
        done.present_count += 1
        return
    try:
        await obstore.put_async(target, path, _checked(source, path))
    except _Corrupt:
        done.corrupt = (*done.corrupt, path)
        return
    except FileNotFoundError:
        return  # removed since it was listed
    done.copied_count += 1
    done.copied_bytes += size


class _Corrupt(Exception):
    """The bytes of an original do not have the hash in its name."""


async def _checked(store: Any, path: str) -> AsyncIterator[bytes]:
    """The bytes of an object; ends in _Corrupt, and so in no object, where they are not what its name says."""
    name, digest = _ORIGINAL.search(path), hashlib.sha256()
    async for piece in (await obstore.get_async(store, path)).stream(min_chunk_size=_READ_BYTES):
        digest.update(piece)
        yield bytes(piece)
    if name is not None and digest.hexdigest() != name[1]:
        raise _Corrupt


async def _size(store: Any, path: str) -> int | None:
    try:
        return int((await obstore.head_async(store, path))["size"])
    except FileNotFoundError:
        return None
