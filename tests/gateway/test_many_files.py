"""A thousand files in batches, good and bad: a thousand known outcomes. And what large ones cost in memory."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.gateway.callees import TOKEN
from tests.gateway.suite import Suite

COLLECTION = "/api/v1/collections/demo"
BAD = {3: (b"", "empty_file"), 5: (b"MZ\x90\x00" + bytes(99), "unsupported_media"), 7: (b"x" * 65537, "too_large")}
# As many as one organisation may send at once.
_AT_ONCE, _FILE_BYTES = 28, 50 * 1024 * 1024
_MOST_BYTES = 200 * 1024 * 1024


async def test_a_thousand_files_have_a_thousand_outcomes(suite: Suite) -> None:
    await suite.collection()
    outcomes: dict[str, str] = {}
    for start in range(0, 1000, 91):
        numbers = range(start, min(start + 91, 1000))
        contents = [BAD[each % 10][0] if each % 10 in BAD else f"file {each}".encode() for each in numbers]
        files = [("file", (f"{each}.txt", content)) for each, content in zip(numbers, contents, strict=True)]
        answer = await suite.http.post(f"{COLLECTION}/documents:batch", files=files)
        assert answer.status_code == 202, answer.text
        for each, result in zip(numbers, answer.json()["results"], strict=True):
            outcomes[f"{each}.txt"] = result["error"]["reason"] if "error" in result else result["document"]["name"]
    expected = {f"{each}.txt": BAD[each % 10][1] if each % 10 in BAD else f"{each}.txt" for each in range(1000)}
    assert outcomes == expected
    assert await suite.rows("documents") == await suite.rows("jobs") == len(suite.files()) == 700
    assert {row["name"] for row in await suite.sql("select name from documents")} == {
        name for name, outcome in expected.items() if name == outcome
    }


async def test_large_files_at_once_are_never_held(suite: Suite, tmp_path: Path) -> None:
    """1.4 GB in all pass at once through a process that stays small; of the same bytes, so that one blob is left."""
    await suite.collection()
    async with _gateway(suite, tmp_path) as (process, base_url):
        headers = {"Authorization": f"Bearer {suite.key}"}
        async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=300) as http:
            uploads = asyncio.gather(*(_upload(http) for _ in range(_AT_ONCE)))
            largest = 0
            while not uploads.done():
                largest = max(largest, _resident_bytes(process.pid))
                await asyncio.sleep(0.1)
    assert set(await uploads) == {202}
    assert 0 < largest < _MOST_BYTES


async def _upload(http: httpx.AsyncClient) -> int:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\n'
        line = b"some words of a long file " * 10000
        for _ in range(_FILE_BYTES // len(line)):
            yield line
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return (await http.post(f"{COLLECTION}/documents", content=body(), headers=headers)).status_code


def _resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def _gateway(suite: Suite, folder: Path) -> AsyncIterator[tuple["subprocess.Popen[str]", str]]:
    """Another gateway over the same stores, as a process of its own, which is asked for its memory."""
    settings: dict[str, Any] = {
        "database_url": suite.database_url,
        "blobs_url": f"file://{folder}/blobs",
        **{f"{role}_target": target for role, target in suite.servers.targets.items()},
        **{f"{role}_token": TOKEN for role in suite.servers.targets},
        "host": "127.0.0.1",
        "http_port": 0,
        "metrics_port": 0,
        "access_log": False,
        "log_format": "json",
    }
    log = folder / "gateway.log"
    environment = {f"LOREKEEP_{name.upper()}": str(value) for name, value in settings.items()}
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [sys.executable, "-m", "lorekeep_gateway", "serve"],
            env={**environment, "PYTHONPATH": ":".join(sys.path)},
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        yield process, f"http://127.0.0.1:{await _port(process, log)}"
    finally:
        process.kill()
        process.wait(timeout=20)


async def _port(process: "subprocess.Popen[str]", log: Path) -> int:
    """The port that it says it listens on."""
    async with asyncio.timeout(60):
        while (told := re.search(r'"port": ?(\d+)', await asyncio.to_thread(log.read_text))) is None:
            assert process.poll() is None
            await asyncio.sleep(0.05)
    return int(told[1])
