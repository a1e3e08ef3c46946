"""Copying a blob store: whole, gone on with, and never with bytes that are not what their name says."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from lorekeep.document.v1.document_pb2 import Segment
from lorekeep_gateway.blob_copy import copy
from lorekeep_gateway.blobs import Blob, Blobs, store_at


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for each in pieces:
        yield each


async def _filled(folder: Path) -> tuple[Blobs, Blob]:
    blobs = Blobs(folder.as_uri())
    kept = await blobs.keep("org_a", _pieces(b"a" * 3_000_000, b"end"))
    await blobs.keep_segment("org_a", "ver_1", Segment(ordinal=0, text="text"))
    return blobs, kept


async def test_a_copy_reads_like_its_source_and_a_second_run_has_nothing_to_do(tmp_path: Path) -> None:
    source, kept = await _filled(tmp_path / "a")
    there = store_at((tmp_path / "b").as_uri())
    first = await copy(store_at((tmp_path / "a").as_uri()), there)
    assert (first.copied_count, first.present_count, first.corrupt) == (2, 0, ())
    copied = Blobs((tmp_path / "b").as_uri())
    assert b"".join([each async for each in copied.read("org_a", kept.sha256)]) == b"a" * 3_000_000 + b"end"
    assert [each.text async for each in copied.segments("org_a", "ver_1", 1)] == ["text"]
    again = await copy(store_at((tmp_path / "a").as_uri()), there)
    assert (again.copied_count, again.present_count) == (0, 2)
    later = await source.keep("org_a", _pieces(b"later"))
    assert (await copy(store_at((tmp_path / "a").as_uri()), there)).copied_count == 1
    assert b"".join([each async for each in copied.read("org_a", later.sha256)]) == b"later"


async def test_corrupt_bytes_are_told_and_stay_behind(tmp_path: Path) -> None:
    _, kept = await _filled(tmp_path / "a")
    (original,) = (tmp_path / "a").rglob(kept.sha256)
    original.write_bytes(b"other bytes")
    command = [sys.executable, "-c", "from lorekeep_gateway.admin_commands import admin; admin()", "blobs", "copy"]
    command += ["--from", (tmp_path / "a").as_uri(), "--to", (tmp_path / "b").as_uri()]
    ended = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert ended.returncode == 1
    assert ended.stdout.startswith("1 copied") and kept.sha256 in ended.stderr
    assert list((tmp_path / "b").rglob(kept.sha256)) == []
