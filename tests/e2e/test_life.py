"""The life of the suite: killed parts come back, replicas take over, data stays, nothing is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lorekeep_sdk import AsyncLorekeep
from tests.e2e.suite import PYTHON, Suite, eventually, running

pytestmark = pytest.mark.e2e
SEARCHES, CONNECTIONS = 500, 50


async def _searches(suite: Suite) -> list[BaseException | dict[str, object]]:
    async with AsyncLorekeep(url=suite.url, key=suite.key) as client:
        gate = asyncio.Semaphore(CONNECTIONS)

        async def one(number: int) -> object:
            async with gate:
                return await client.search("life", f"lighthouse number {number}")

        tasks = [asyncio.ensure_future(one(number)) for number in range(SEARCHES)]
        await asyncio.sleep(0.5)
        for role in ("embedder", "gateway"):
            await asyncio.to_thread(suite.terminate_one, role)
        return await asyncio.gather(*tasks, return_exceptions=True)


def _fill(suite: Suite) -> None:
    with suite.client() as client:
        client.post("/api/v1/collections", json={"name": "life"})
        texts = [
            {"text": f"The lighthouse at mile {n} was built in {1800 + n}.", "document_id": f"d{n}"} for n in range(20)
        ]
        results = client.post("/api/v1/collections/life/documents:batch", json={"documents": texts}).json()["results"]
        for each in results:
            path = f"/api/v1/jobs/{each['job']['id']}"
            eventually(lambda path=path: client.get(path).json()["status"] == "succeeded")


def _hits(suite: Suite) -> list[str]:
    with suite.client() as client:
        answer = client.post(
            "/api/v1/collections/life/search", json={"query": "lighthouse at mile 7", "mode": "lexical"}
        )
        return [each["document_id"] for each in answer.json()["hits"]]


def test_two_of_each_survive_the_end_of_one(tmp_path: Path) -> None:
    with running(tmp_path / "home", LOREKEEP_REPLICAS_EMBEDDER="2", LOREKEEP_REPLICAS_GATEWAY="2") as suite:
        _fill(suite)
        answers = asyncio.run(_searches(suite))
        assert [each for each in answers if isinstance(each, BaseException)] == []
        assert len(answers) == SEARCHES
        eventually(lambda: suite.verb("status").returncode == 0)


def test_what_dies_comes_back_and_data_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home) as suite:
        _fill(suite)
        before = _hits(suite)
        assert before[0] == "d7"
        for role in ("search", "parser", "postgres", "ingest"):
            pid = next(int(each["pid"]) for each in suite.processes() if each["role"] == role)
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: suite.verb("status").returncode == 0, seconds=90)
        assert _hits(suite) == before
        pids = [int(each["pid"]) for each in suite.processes()]
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert [each for each in _environments() if str(home) in each] == []
    with running(home) as again:
        assert _hits(again) == before


def _environments() -> list[str]:
    """The environment that every process was started with."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # ended meanwhile
    return found


def test_what_make_up_installs_holds_no_torch() -> None:
    script = "import importlib.util as u; print(*[n for n in ('torch', 'sentence_transformers') if u.find_spec(n)])"
    if sys.executable == PYTHON:
        pytest.skip("there is no .venv here; make test makes one")
    assert subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True).stdout.split() == []
