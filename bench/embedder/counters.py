"""What a running embedder counts, read from its metrics page."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families
from tests.embedder.processes import EmbedderProcess


def read(embedder: EmbedderProcess) -> Counter[str]:
    """Samples by name, and by name and each label (`embedding_texts_total{lane=bulk}`); those of a name are added up.

    A Counter, so that two readings can be subtracted.
    """
    status, page = embedder.get("/metrics")
    assert status == 200, f"the metrics page answered {status}"
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] += sample.value  # type: ignore[assignment]
            for label, value in sample.labels.items():
                found[f"{sample.name}{{{label}={value}}}"] += sample.value  # type: ignore[assignment]
    return found


def since(embedder: EmbedderProcess, before: Counter[str]) -> Counter[str]:
    """What came since an earlier reading."""
    found = read(embedder)
    found.subtract(before)
    return found


def batch_texts(counted: Counter[str]) -> float:
    """Texts in a batch, on average."""
    return counted["embedding_batch_size_texts_sum"] / max(1, counted["embedding_batch_size_texts_count"])


def batch_seconds(counted: Counter[str], lane: str) -> float:
    """Wall seconds of a lane's batch, on average."""
    name = "embedding_batch_duration_seconds"
    label = f"{{lane={lane}}}"
    return counted[f"{name}_sum{label}"] / max(1, counted[f"{name}_count{label}"])
