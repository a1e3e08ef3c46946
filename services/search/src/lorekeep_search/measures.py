"""Metrics of search."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Histogram

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis.metrics import BUCKETS_SECONDS, exemplar
from lorekeep_chassis.server_calls import code_of

SEARCHES = Counter("kb_search_total", "Searches ended.", ("mode", "status"))
SECONDS = Histogram("kb_search_duration_seconds", "Duration of a search's stage.", ("stage",), buckets=BUCKETS_SECONDS)
WITHOUT_HITS = Counter("kb_search_zero_results_total", "Searches that found nothing.", ("mode",))
CHUNKS_WRITTEN = Counter("kb_index_chunks_written_total", "Chunks written to the index.")


@contextmanager
def searched(mode: str) -> Iterator[None]:
    """Counts a search by how it ends, as a gRPC code in lower case, and measures it whole."""
    begin, status = perf_counter(), "ok"
    try:
        yield
    except BaseException as error:
        status = code_of(error).name.lower()
        raise
    finally:
        SEARCHES.labels(mode, status).inc()
        SECONDS.labels("total").observe(perf_counter() - begin, exemplar())


def stages(times: Iterable[search_pb2.StageTime]) -> None:
    """Measures the stages of a search."""
    for each in times:
        SECONDS.labels(each.stage).observe(each.duration_ms / 1000, exemplar())
