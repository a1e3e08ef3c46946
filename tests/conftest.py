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
        "test_collection_settings.py",
        "test_children.py",
        "test_commands.py",
        "test_edge.py",
        "test_full_storage.py",
        "test_jobs_instances.py",
        "test_many_files.py",
        "test_openapi.py",
        "test_organisation_removal.py",
        "test_part_orders.py",
        "test_partition_client.py",
        "test_plans.py",
        "test_pooler.py",
        "test_previews.py",
        "test_public_fuzz.py",
        "test_removal.py",
        "test_staged_uploads.py",
        "test_sweeper.py",
        "test_webhooks.py",
        "test_webhooks_deliveries.py",
        "test_jobs_events.py",
        "test_jobs_retry.py",
        "test_jobs.py",
        "test_bell.py",
        "test_repeats.py",
    },
    "hostile": {"test_fuzz.py", "test_hostile.py"},
    "ingest": {
        "test_attachments.py",
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
        "test_queue.py",
        "test_rebuilds.py",
        "test_reconciliation.py",
        "test_removal.py",
        "test_removal_ways.py",
        "test_remote.py",
        "test_restores.py",
        "test_resume.py",
        "test_role.py",
        "test_troubles.py",
        "test_settings.py",
    },
    "parser": {
        "test_archives.py",
        "test_bounds.py",
        "test_mail.py",
        "test_msg.py",
        "test_children.py",
        "test_documents.py",
        "test_elements_json.py",
        "test_ranges.py",
        "test_office_sheets.py",
        "test_office_slides.py",
        "test_office_word.py",
        "test_pdf_strategies.py",
        "test_recognition.py",
        "test_refusals.py",
        "test_resume.py",
        "test_resume_pages.py",
        "test_strategies.py",
        "test_strategies_served.py",
        "test_texts_hostile.py",
        "test_sandbox_servers.py",
        "test_sandbox_silence.py",
        "test_sandbox_user.py",
        "test_sandbox_walls.py",
    },
    "sdk": {
        "test_command.py",
        "test_ingest_resumes.py",
        "test_jobs.py",
        "test_retries.py",
        "test_verbs.py",
    },
    "search": {"test_engine.py", "test_process.py", "test_quality.py", "test_traces.py"},
    "suite": {"test_embedded_stores.py", "test_supervisor.py", "test_verbs.py"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = Path(item.path).relative_to(TESTS)
        if path.name in SLOW.get(path.parts[0], set()):
            item.add_marker(pytest.mark.slow)
