"""docs/embedder.md says what is: metrics, bounds, reasons."""

import re
from pathlib import Path

import pytest
from prometheus_client import parser

from lorekeep_chassis.calls import Lane
from lorekeep_embedder.scheduling.admission import BOUNDS
from tests.embedder.processes import EmbedderProcess, embed, stub_of

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "services/embedder/src/lorekeep_embedder"
PAGE = (ROOT / "docs/embedder.md").read_text()
_METRIC = re.compile(r"`(embedding_[a-z_]+)(?:\{([a-z,]+)\})?`")


def _described() -> dict[str, set[str]]:
    """Metrics of the page's table, with their labels."""
    cells = (line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `embedding_"))
    found = [each.groups() for cell in cells for each in _METRIC.finditer(cell)]
    assert len({name for name, _ in found}) == len(found)
    return {name: set((labels or "").split(",")) - {""} for name, labels in found}


async def test_the_table_has_every_metric_of_a_running_embedder_and_no_other(embedder: EmbedderProcess) -> None:
    async with stub_of(embedder) as stub:
        await embed(stub, ["a garden"])
    labels: dict[str, set[str]] = {}
    for family in parser.text_string_to_metric_families(embedder.get("/metrics")[1]):
        if not family.name.startswith("embedding_") or family.name.endswith("_created"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels[name] = set().union(*(sample.labels for sample in family.samples)) - {"le"}
    described = _described()
    assert set(labels) == set(described)
    assert {name: seen for name, seen in labels.items() if seen and seen != described[name]} == {}


def test_every_metric_that_the_page_names_is_in_its_table() -> None:
    assert {name for name, _ in _METRIC.findall(PAGE)} <= set(_described())


@pytest.mark.parametrize("lane", Lane)
def test_the_bounds_are_those_of_admission(lane: Lane) -> None:
    bound = BOUNDS[lane]
    row = f"| {lane} | {bound.seconds:g} s | {bound.texts:,} | {bound.bytes // 2**20} MiB |"
    assert row in PAGE.splitlines()


def test_every_reason_is_told() -> None:
    text = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    reasons = set(re.findall(r'reason="([a-z_]+)"', text))
    assert reasons
    assert {each for each in reasons if f"`{each}`" not in PAGE} == set()
