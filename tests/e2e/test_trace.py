"""One trace from upload to upsert, one from query to index, across processes, as an OTLP receiver sees them."""

import httpx
import pytest

from tests.e2e.receiver import Receiver, Span
from tests.e2e.suite import Suite, eventually

pytestmark = pytest.mark.e2e
PARSE = "lorekeep.parser.v1.ParserService/Parse"
EMBED = "lorekeep.embedder.v1.EmbedderService/Embed"
UPSERT = "lorekeep.search.v1.SearchService/Upsert"
SEARCH = "lorekeep.search.v1.SearchService/Search"
SECRET = "quokkas prefer marmalade"


class Tree:
    """The spans of one trace by who stands above whom."""

    def __init__(self, spans: list[Span]) -> None:
        self._by_id = {each.span_id: each for each in spans}
        self.spans = spans

    def path(self, span: Span) -> list[str]:
        """`service:name` from the root down to a span."""
        above = self._by_id.get(span.parent_id)
        return [*(self.path(above) if above else []), repr(span)]

    def has(self, *steps: str) -> bool:
        """Whether some span stands below all earlier steps, in order."""
        return any(self._in_order(steps, self.path(each)) for each in self.spans)

    @staticmethod
    def _in_order(steps: tuple[str, ...], path: list[str]) -> bool:
        rest = iter(path)
        return all(any(step in each for each in rest) for step in steps)

    def whole(self) -> bool:
        """Whether the root and every parent have arrived."""
        roots = [each for each in self.spans if not each.parent_id]
        return len(roots) == 1 and all(each.parent_id in self._by_id for each in self.spans if each.parent_id)


@pytest.fixture(scope="module")
def client(suite: Suite) -> httpx.Client:
    client = suite.client()
    client.post("/api/v1/collections", json={"name": "traced"})
    return client


def _trace_id(answer: httpx.Response) -> str:
    return answer.headers["traceparent"].split("-")[1]


def _upload(client: httpx.Client, text: str = SECRET) -> str:
    accepted = client.post("/api/v1/collections/traced/documents", json={"text": text, "title": "animals"})
    job = f"/api/v1/jobs/{accepted.json()['job']['id']}"
    eventually(lambda: client.get(job).json()["status"] == "succeeded")
    return _trace_id(accepted)


def _tree(receiver: Receiver, trace_id: str, *paths: tuple[str, ...]) -> Tree:
    """The trace once it is whole and shows each path; every process sends its spans in its own time."""

    def arrived() -> Tree | None:
        tree = Tree(receiver.trace(trace_id))
        return tree if tree.whole() and all(tree.has(*path) for path in paths) else None

    return eventually(arrived)


def test_an_upload_is_one_trace_to_the_index(client: httpx.Client, receiver: Receiver) -> None:
    job = ("gateway:POST /api/v1/collections/{collection}/documents", "ingest:ingest.job")
    _tree(
        receiver,
        _upload(client),
        (*job, f"ingest:{PARSE}", f"parser:{PARSE}"),
        (*job, f"ingest:{EMBED}", f"embedder:{EMBED}"),
        (*job, f"ingest:{UPSERT}", f"search:{UPSERT}", "search:index.upsert"),
        (*job, "ingest:ingest.flip"),
    )


def test_a_query_is_one_trace_to_the_index(client: httpx.Client, receiver: Receiver) -> None:
    _upload(client)
    answer = client.post("/api/v1/collections/traced/search", json={"query": "what do quokkas like"})
    assert answer.json()["trace_id"] == _trace_id(answer)
    search = ("gateway:POST /api/v1/collections/{collection}/search", f"gateway:{SEARCH}", f"search:{SEARCH}")
    _tree(
        receiver,
        _trace_id(answer),
        (*search, f"search:{EMBED}", f"embedder:{EMBED}"),
        (*search, "search:index.query"),
    )


def test_a_batch_span_links_to_the_request_that_it_serves(client: httpx.Client, receiver: Receiver) -> None:
    # Another text than the other tests': a vector that is kept needs no batch.
    tree = _tree(receiver, _upload(client, "wombats dig at dusk"), (f"embedder:{EMBED}",))
    served = {each.span_id for each in tree.spans if repr(each) == f"embedder:{EMBED}"}
    eventually(lambda: any(each.linked & served for each in receiver.all()))


def test_every_answer_names_its_trace_and_logs_carry_it(suite: Suite, client: httpx.Client, receiver: Receiver) -> None:
    trace_id = _upload(client)
    assert _trace_id(client.get("/health")) != _trace_id(client.get("/api/v1/jobs/none"))
    logs = [path.read_text() for path in (suite.home / "logs").iterdir() if path.is_file()]
    assert any(trace_id in log for log in logs)


def test_neither_spans_nor_logs_hold_text_or_secrets(suite: Suite, client: httpx.Client, receiver: Receiver) -> None:
    _tree(receiver, _upload(client), ("ingest.flip",))
    client.post("/api/v1/collections/traced/search", json={"query": SECRET})
    spans = "".join(each.text for each in receiver.all())
    logs = "".join(path.read_text() for path in (suite.home / "logs").iterdir() if path.is_file())
    for written in (spans, logs):
        assert SECRET not in written
        assert suite.key not in written
