"""A disk that is full: uploads fail with their reason and leave nothing, and are taken again once there is room."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.suite import Suite, running

COLLECTION = "/api/v1/collections/demo"
LARGE = b"word " * (5 * 1024 * 1024 // 5)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of eight mebibytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "lorekeep-test", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
async def small(database_url: str, small_disk: Path) -> AsyncIterator[Suite]:
    async with running(database_url, small_disk) as started:
        await started.collection()
        yield started


def _fill(suite: Suite) -> Path:
    """Takes all room but one mebibyte and a little."""
    ballast = suite.blobs / "ballast"
    with ballast.open("wb") as file:
        file.write(bytes(6 * 1024 * 1024 + 512 * 1024))
    return ballast


async def _refused(suite: Suite, answer: Any) -> None:
    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "storage_full"), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert [each.name for each in suite.files()] == ["ballast"]
    assert await suite.rows("documents") == await suite.rows("versions") == await suite.rows("jobs") == 0


async def test_every_way_in_fails_cleanly_and_works_again(small: Suite) -> None:
    begun = await small.http.post(f"{COLLECTION}/uploads", json={"name": "a.txt", "size_bytes": len(LARGE)})
    part = f"{COLLECTION}/uploads/{begun.json()['upload']['id']}/parts/1"
    ballast = _fill(small)
    form: dict[str, Any] = {"files": {"file": ("large.txt", LARGE)}}
    await _refused(small, await small.http.post(f"{COLLECTION}/documents", **form))
    await _refused(small, await small.http.post(f"{COLLECTION}/files", **form))
    batch = [("file", ("small.txt", b"small")), ("file", ("large.txt", LARGE))]
    await _refused(small, await small.http.post(f"{COLLECTION}/documents:batch", files=batch))
    await _refused(small, await small.http.put(part, content=LARGE))
    ballast.unlink()
    assert (await small.http.post(f"{COLLECTION}/documents", **form)).status_code == 202
    (kept,) = small.files()
    assert kept.stat().st_size == len(LARGE)


async def test_parts_that_leave_no_room_for_the_whole_can_be_completed_later(small: Suite) -> None:
    begun = await small.http.post(f"{COLLECTION}/uploads", json={"name": "a.txt", "size_bytes": len(LARGE)})
    upload = f"{COLLECTION}/uploads/{begun.json()['upload']['id']}"
    assert (await small.http.put(f"{upload}/parts/1", content=LARGE)).status_code == 200
    full = await small.http.post(f"{upload}/complete")
    assert (full.status_code, full.json()["error"]["reason"]) == (503, "storage_full")
    assert len(small.files()) == 1
    assert await small.rows("documents") == 0
    enlarge = ["mount", "-o", "remount,size=16m", small.blobs.parent]
    await asyncio.to_thread(subprocess.run, enlarge, check=True)
    assert (await small.http.post(f"{upload}/complete")).status_code == 202
    (kept,) = small.files()
    assert kept.stat().st_size == len(LARGE)


async def test_a_store_that_takes_nothing_is_told_without_its_place(suite: Suite) -> None:
    await suite.collection()
    suite.blobs.rmdir()
    suite.blobs.write_bytes(b"a file stands where the folder was")
    answer = await suite.http.post(f"{COLLECTION}/documents", json={"text": "one"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "blobs_unavailable")
    assert str(suite.blobs.parent) not in answer.text
    assert await suite.rows("documents") == 0
