"""What one answer of the partition route may hold in memory, however many documents and elements it is made of."""

import pytest
from tests.gateway.reader import element, placed
from tests.gateway.suite import Suite

from lorekeep.document.v1.document_pb2 import Element
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.http.partition.reading import Read

_FILE = ("files", ("notes.txt", b"Some notes.", "text/plain"))


def test_elements_count_though_they_are_nearly_empty() -> None:
    found, answer = Read(), parser_pb2.ParseResponse(element=Element(text="a"))
    with pytest.raises(errors.TooLarge):
        for _ in range(200_000):
            found.take(answer)


def test_headings_above_count() -> None:
    path = ["lamp oil " * 30] * 9
    found, answer = Read(), parser_pb2.ParseResponse(element=Element(text="a", heading_path=path))
    with pytest.raises(errors.TooLarge):
        for _ in range(20_000):
            found.take(answer)


@pytest.mark.parametrize(("files", "status"), [(1, 200), (2, 413)])
async def test_the_documents_of_one_request_share_the_room(suite: Suite, files: int, status: int) -> None:
    suite.servers.parser.elements = placed(*(element("TEXT", "lamp oil " * 100_000, page=1) for _ in range(30)))
    answer = await suite.http.post("/general/v0/general", files=[_FILE] * files)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["error"]["reason"] == "answer_too_large"
