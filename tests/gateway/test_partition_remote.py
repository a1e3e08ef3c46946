"""One lorekeep reads for another: the partition route is a server that the remote parser's setting may name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.callees import TOKEN
from tests.gateway.reader import element, placed
from tests.gateway.suite import Suite

from lorekeep.document.v1.document_pb2 import BoundingBox
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.ingest.remote import RemoteParser
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Wishes
from lorekeep_parser.readers import elements_json

START = parser_pb2.ParseStart(name="a.txt", strategy=parser_pb2.READ_STRATEGY_OCR_ONLY, languages=["deu", "eng"])


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for each in parts:
        yield each


async def asked(suite: Suite, key: str) -> bytes:
    """What the remote parser gives of a file."""
    given = {"database_url": suite.database_url, "blobs_url": "file:///nowhere", "unstructured_api_key": key}
    tokens = {f"{each}_token": TOKEN for each in ("parser", "embedder", "search")}
    settings = IngestSettings(unstructured_api_url=suite.base_url, **given, **tokens)
    async with RemoteParser.opened(settings) as remote:
        assert remote is not None
        answer = remote.answer(START, "text/plain", 9, pieces(b"some ", b"text"))
        return b"".join([each async for each in answer])


async def test_elements_come_through_as_they_are(suite: Suite, tmp_path: Path) -> None:
    box = BoundingBox(page=1, left=0.25, top=0.125, right=0.5, bottom=0.75)
    suite.servers.parser.elements = placed(
        element("HEADING", "Report", page=1, level=2),
        element("TEXT", "Sales rose by a third last year.", page=1, boxes=[box]),
        element("TABLE", "a\tb\n1\t2", page=3),
    )
    kept = tmp_path / "answer"
    kept.write_bytes(await asked(suite, suite.key))
    reader = elements_json.opened(kept, Media.ELEMENTS, "a.txt", Wishes())
    found = [each for page in reader.pages(0) for each in page.elements]
    assert [(each.kind, each.text, each.page, each.level) for each in found] == [
        (each.kind, each.text, each.page, each.level) for each in suite.servers.parser.elements
    ]
    assert list(found[1].boxes) == [box]
    (start,) = suite.servers.parser.starts
    assert (start.name, start.strategy, list(start.languages)) == ("a.txt", START.strategy, ["deu", "eng"])
    assert suite.servers.parser.contents == [b"some text"]


async def test_refusals_come_through_typed(suite: Suite) -> None:
    suite.servers.parser.failures = [errors.InvalidInput("It is encrypted.", reason="encrypted")]
    with pytest.raises(errors.InvalidInput, match="It is encrypted"):
        await asked(suite, suite.key)
    with pytest.raises(errors.Unavailable) as refused:
        await asked(suite, "kb_wrong")
    assert refused.value.reason == "remote_parser_refused"
    suite.servers.parser.breaks_off = True
    with pytest.raises(errors.Unavailable) as away:
        await asked(suite, suite.key)
    assert away.value.reason == "remote_parser_unavailable"
