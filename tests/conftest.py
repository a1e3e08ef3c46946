"""Which tests `make check` leaves to `make test`: those that start processes of their own, or walk very many ways."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SLOW = {
    "embedder": {
        "test_conformance.py",
        "test_lifecycle.py",
        "test_model_files.py",
        "test_process.py",
        "test_tokenizer.py",
    },
    "gateway": {
        "test_commands.py",
        "test_edge.py",
        "test_openapi.py",
        "test_removal.py",
        "test_plans.py",
        "test_pooler.py",
    },
    "ingest": {
        "test_cancel.py",
        "test_chores.py",
        "test_crashes.py",
        "test_ends.py",
        "test_fairness.py",
        "test_flips.py",
        "test_history.py",
        "test_keeping.py",
        "test_lanes.py",
        "test_pooler.py",
        "test_rebuilds.py",
        "test_restores.py",
        "test_resume.py",
        "test_role.py",
        "test_troubles.py",
        "test_queue.py",
    },
    "parser": {"test_children.py", "test_documents.py", "test_recognition.py", "test_resume.py", "test_refusals.py"},
    "sdk": {"test_command.py", "test_retries.py"},
    "search": {"test_engine.py", "test_process.py", "test_quality.py", "test_traces.py"},
    "suite": {"test_embedded_stores.py", "test_supervisor.py", "test_verbs.py"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = Path(item.path).relative_to(TESTS)
        if path.name in SLOW.get(path.parts[0], set()):
            item.add_marker(pytest.mark.slow)
