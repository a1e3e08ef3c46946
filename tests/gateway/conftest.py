"""Fixtures of the gateway's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from tests.gateway.suite import Suite, running
from tests.postgres import database_url, empty_database_url, postgres

__all__ = ["database_url", "empty_database_url", "postgres"]


@pytest.fixture(scope="session", autouse=True)
def traced() -> None:
    """Spans that are real, whoever sets the provider first: one process has one."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())


@pytest.fixture
async def suite(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    """A running gateway that takes files of at most 64 KiB and texts of at most 1000 characters."""
    async with running(database_url, tmp_path, max_file_size=65536, max_text_chars=1000) as started:
        yield started
