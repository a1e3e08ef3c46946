"""Children come and go with their callers; the service stays."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.parser.parser_process import Client, ParserProcess, alive, of_process, running

from lorekeep_chassis.errors import DeadlineExceeded, InvalidInput, Overloaded, Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Long enough that it is being read for seconds, whatever the machine.
_LONG = b"".join(b"The keeper of lamp %d climbed the stairs again. " % each for each in range(300_000))
_HEAVY = {"unstructured", "spacy", "pandas", "lxml", "pypdfium2", "tokenizers", "numpy", "openpyxl"}


async def _begun(client: Client) -> asyncio.Task[None]:
    """A call that has a child at work, in the hands of a caller that has stopped to read."""
    begun = asyncio.Event()

    async def call() -> None:
        async with aclosing(client.messages(_LONG, "long.txt")) as messages:
            await anext(messages)
            await anext(messages)
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(call())
    await asyncio.wait_for(begun.wait(), 30)
    return task


async def _gone(pid: int) -> None:
    for _ in range(200):
        if not alive(pid):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the child still lives")


async def test_a_caller_that_leaves_takes_its_child_along(parser: tuple[ParserProcess, Client]) -> None:
    process, client = parser
    task = await _begun(client)
    (pid,) = process.forked()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await _gone(pid)
    for _ in range(100):
        if not list(process.temp_dir.glob("*/document-*")):
            break
        await asyncio.sleep(0.05)
    assert not list(process.temp_dir.glob("*/document-*"))
    assert '"ERROR"' not in process.logged
    assert (await client.parse(b"And on.", "a.txt")).chunks


async def test_a_child_that_dies_is_a_typed_error(parser: tuple[ParserProcess, Client]) -> None:
    process, client = parser
    call = asyncio.create_task(client.parse(_LONG, "long.txt"))
    os.kill(await process.one_forked(), signal.SIGSEGV)
    with pytest.raises(InvalidInput) as caught:
        await call
    assert caught.value.reason == "parser_crashed"
    assert (await client.parse(b"And on.", "a.txt")).chunks
    assert "parser_child_crashes_total 1.0" in (await process.probe("/metrics"))[1]


async def test_a_fork_server_that_dies_is_started_again(parser: tuple[ParserProcess, Client]) -> None:
    process, client = parser
    os.kill(process.fork_server(), signal.SIGKILL)
    for _ in range(200):
        if (await process.probe("/health/ready"))[0] != 200:
            break
        await asyncio.sleep(0.02)
    with pytest.raises(Unavailable):
        await client.parse(b"Too early.", "a.txt")
    await process.ready()
    assert (await client.parse(b"And on.", "a.txt")).chunks


async def test_deadline_and_slots(tmp_path: Path) -> None:
    """With one slot a second caller is refused at once; a slow document ends when its time is up."""
    settings = {"LOREKEEP_PROCESSING_TIMEOUT_SECONDS": "3", "LOREKEEP_CONCURRENT_PROCESSES": "1"}
    async with running(tmp_path, **settings) as (process, client):
        slow = asyncio.create_task(client.parse(_LONG, "long.txt"))
        pid = await process.one_forked()
        with pytest.raises(Overloaded) as refused:
            await client.parse(b"Me too.", "a.txt")
        assert refused.value.retry_after_seconds
        with pytest.raises(DeadlineExceeded) as late:
            await slow
        assert late.value.reason == "parse_timeout"
        await _gone(pid)
        assert (await client.parse(b"And on.", "a.txt")).chunks
        assert "Traceback" not in process.logged


async def test_the_grpc_process_holds_no_document_library(parser: tuple[ParserProcess, Client]) -> None:
    code = f"import sys, lorekeep_parser.service; print(*({_HEAVY!r} & set(sys.modules)))"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
    maps = of_process(parser[0].pid, "maps")
    assert not [each for each in _HEAVY if f"/{each}/" in maps]


async def test_a_child_is_limited(parser: tuple[ParserProcess, Client]) -> None:
    process, client = parser
    task = await _begun(client)
    (pid,) = process.forked()
    limits = {line[:25].strip(): line[26:].split()[0] for line in of_process(pid, "limits").splitlines()}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert limits["Max address space"] == str(3 * 2**30)
    assert limits["Max core file size"] == "0"
    assert limits["Max cpu time"].isdigit()
    await _gone(pid)


async def test_health_names_the_components(parser: tuple[ParserProcess, Client]) -> None:
    status, body = await parser[0].probe("/health/ready")
    assert status == 200
    components = json.loads(body)["components"]
    assert {"fork_server", "unstructured", "ocr"} <= set(components)
    assert components["unstructured"]["status"] == "ok", components["unstructured"]["detail"]
