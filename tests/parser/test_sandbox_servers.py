"""Two fork servers: the light one serves while the heavy one starts, and both stay as small as they were."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tests.parser import small_files
from tests.parser.parser_process import TOKEN, Client, ParserProcess, of_process, running

from lorekeep_chassis.errors import Unavailable
from lorekeep_parser import readers

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DOCX = small_files.docx(small_files.word_xml("The keeper climbed the stairs."))
_PDF = small_files.book(2)
_MOST_GROWTH_KIB = 64 * 1024
# Reads a PDF in a process that is made as the light fork server is; says whether `unstructured` is there, and could be.
_READS_PDF = """
import sys
from contextlib import suppress
from pathlib import Path
from lorekeep_parser.sandbox import preload
preload.load_light()
from lorekeep_parser import readers
from lorekeep_parser.page import Wishes
pages = readers.opened(Path(sys.argv[1]), "a.pdf", "", Wishes()).pages(0)
print(sum(len(list(each.elements)) for each in pages) > 0)
print([name for name, module in sys.modules.items() if module and name.split(".")[0] in ("unstructured", "spacy")])
try:
    import unstructured
except ImportError:
    print("out of reach")
"""


async def _components(process: ParserProcess) -> dict[str, dict[str, str]]:
    status, body = await process.probe("/health/ready")
    assert status == 200, body
    components: dict[str, dict[str, str]] = json.loads(body)["components"]
    return components


async def _heavy_is_up(process: ParserProcess) -> bool:
    return "starting" not in (await _components(process))["unstructured"]["detail"]


async def _next_heavy(process: ParserProcess, earlier: int) -> int:
    """The pid of the heavy server that follows another."""
    for _ in range(500):
        with suppress(ValueError, IndexError, FileNotFoundError):
            if (pid := process.fork_server("heavy")) != earlier:
                return pid
        await asyncio.sleep(0.01)
    raise AssertionError("it was not started again")


async def test_light_documents_are_read_while_the_heavy_server_starts(parser: tuple[ParserProcess, Client]) -> None:
    process, client = parser
    await client.parse(_DOCX, "a.docx")
    heavy = process.fork_server("heavy")
    os.kill(heavy, signal.SIGKILL)
    starting = await _next_heavy(process, heavy)
    os.kill(starting, signal.SIGSTOP)
    assert not await _heavy_is_up(process)
    assert (await _components(process))["unstructured"]["status"] == "degraded"
    assert (await client.parse(_PDF, "a.pdf")).chunks
    waiting = asyncio.create_task(client.parse(_DOCX, "a.docx"))
    assert (await client.parse(_PDF, "a.pdf")).chunks
    assert not waiting.done()
    os.kill(starting, signal.SIGCONT)
    assert "climbed" in (await waiting).text
    assert await _heavy_is_up(process)


@pytest.mark.parametrize(("data", "name"), [(_DOCX, ""), (_DOCX, "a.pdf"), (_PDF, "a.docx"), (_PDF, "")])
async def test_names_decide_where_a_document_is_read_and_nothing_else(client: Client, data: bytes, name: str) -> None:
    parsed = await client.parse(data, name)
    assert "keeper" in parsed.text
    assert parsed.verdict.media_type.endswith("pdf" if data is _PDF else "wordprocessingml.document")


async def test_a_pdf_is_read_without_unstructured(tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_bytes(_PDF)
    command = [sys.executable, "-c", _READS_PDF, str(document)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["True", "[]", "out of reach"]


async def test_readers_that_take_unstructured_are_declared() -> None:
    """A module without the need would be read where the library cannot be imported."""
    light, each_one = (set(readers.modules(heavy=heavy)) for heavy in (False, True))
    folder = Path(str(readers.__file__)).parent
    paths = {name: folder.joinpath(*name.split(".")[2:]).with_suffix(".py") for name in each_one}
    taking = {name for name, path in paths.items() if path.exists() and "unstructured.partition" in path.read_text()}
    assert taking
    assert not taking & light
    assert each_one - light - taking <= {"lorekeep_parser.readers.office.legacy"}


async def test_servers_have_one_thread_and_what_they_need(parser: tuple[ParserProcess, Client]) -> None:
    light, heavy = (parser[0].fork_server(weight) for weight in ("light", "heavy"))
    for each in (light, heavy):
        assert "\nThreads:\t1\n" in of_process(each, "status")
    assert "/spacy/" not in of_process(light, "maps")
    assert "/spacy/" in of_process(heavy, "maps")


async def test_nobody_but_the_grpc_process_has_the_token(tmp_path: Path) -> None:
    """Nor any other secret that its environment held, whatever its name."""
    async with running(tmp_path, MY_API_KEY="another-secret") as (process, client):
        call = asyncio.create_task(client.parse(b"The keeper climbed the stairs again. " * 200_000, "long.txt"))
        child = await process.one_forked()
        for each in (child, process.fork_server("light"), process.fork_server("heavy")):
            environment = of_process(each, "environ")
            assert "PATH=" in environment
            assert TOKEN not in environment
            assert "another-secret" not in environment
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def test_health_tells_of_the_walls(parser: tuple[ParserProcess, Client]) -> None:
    assert (await _components(parser[0]))["sandbox"]["status"] == "ok"


async def test_memory_is_given_back(parser: tuple[ParserProcess, Client]) -> None:
    process, client = parser
    large = small_files.docx(small_files.word_xml("</w:t></w:r></w:p><w:p><w:r><w:t>The lamp burns.".join([""] * 4000)))
    small = [(_DOCX, "a.docx"), (_PDF, "a.pdf"), (b"The lamp burns.", "a.txt")]
    for data, name in small:
        await client.parse(data, name)
    serving = [process.pid, process.fork_server("light"), process.fork_server("heavy")]
    before = [_resident_kib(each) for each in serving]
    for data, name in [
        (large, "a.docx"),
        (small_files.book(150), "a.pdf"),
        ((b"The lamp burns. " * 64 + b"\n\n") * 3000, "a.txt"),
    ]:
        await client.parse(data, name)
    grown = [_resident_kib(each) - earlier for each, earlier in zip(serving, before, strict=True)]
    assert max(grown) < _MOST_GROWTH_KIB, grown
    assert not process.forked()
    assert not list(process.temp_dir.glob("*/document-*"))


def _resident_kib(pid: int) -> int:
    (line,) = [each for each in of_process(pid, "status").splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1])


async def test_a_full_disk_is_told_and_passes(small_disk: Path) -> None:
    """Room for a part of the document is no room: nothing is read of half a document."""
    async with running(small_disk) as (_, client):
        await client.parse(b"Brings the tokenizer.", "a.txt")
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            file.write(bytes(2**23))
            file.truncate(file.tell() - 2**18)
        with pytest.raises(Unavailable) as caught:
            await client.parse(b"x" * (2**20 - 1), "large.txt")
        assert caught.value.reason == "disk_full"
        assert caught.value.retry_after_seconds
        filler.unlink()
        assert (await client.parse(b"The next one is read.", "a.txt")).chunks
