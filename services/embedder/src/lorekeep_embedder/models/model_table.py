"""Keeps the table of models in docs/models.md: `python -m lorekeep_embedder.models.model_table docs/models.md`.

It is made from models.yaml, so that it cannot be wrong; a test compares it.
"""

import sys
from pathlib import Path

from lorekeep_embedder.models import registry
from lorekeep_embedder.models.registry import ModelSpec

_BEGIN, _END = "<!-- made by `make docs` -->\n", "<!-- until here -->"
_HEAD = (
    "| name | kind | dimensions | window | compared by | pinned by | licence | speed | quality | for |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)


def renewed(page: str) -> str:
    """The page with the table that the registry makes now; ValueError where it has no place for one."""
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not (begin and end):
        raise ValueError("the page has no place for the table")
    return head + begin + table() + end + tail


def table() -> str:
    """A row a model."""
    return _HEAD + "".join(_row(spec) for spec in registry.load().values())


def _row(spec: ModelSpec) -> str:
    name = f"[{spec.name}](https://huggingface.co/{spec.repository}/tree/{spec.revision})"
    cells = (
        name, spec.kind, "" if spec.kind == "reranker" else str(spec.dimensions), f"{spec.window_tokens:,}",
        spec.distance, "hash" if spec.weights_sha256 else "lock", spec.licence, spec.speed, spec.quality, spec.use_case,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
