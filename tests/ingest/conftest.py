"""Each test gets a database, a folder of blobs and the three services of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.ingest.bench import Bench
from tests.ingest.services import TOKEN, Services, serving
from tests.postgres import database_url, postgres

from lorekeep_gateway import callees
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.store.database import connected

__all__ = ["database_url", "postgres"]


def quick_settings(database_url: str, folder: Path, ports: dict[str, int]) -> IngestSettings:
    """Settings with short times and small batches."""
    return IngestSettings(
        database_url=database_url,
        blobs_url=f"file://{folder}",
        **{f"{role}_target": f"127.0.0.1:{port}" for role, port in ports.items()},
        parser_token=TOKEN,
        embedder_token=TOKEN,
        search_token=TOKEN,
        poll_seconds=0.05,
        retry_seconds=0.02,
        lease_seconds=6,
        batch_pages=2,
        embed_batch_chunks=2,
        upsert_batch_chunks=3,
        drain_seconds=5,
    )


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with serving(Services()) as running:
        yield running


@pytest.fixture
async def bench(database_url: str, tmp_path: Path, services: Services) -> AsyncIterator[Bench]:
    settings = quick_settings(database_url, tmp_path / "blobs", services.ports)
    async with connected(database_url, settings.db_pool_size) as database, callees.opened(settings) as stubs:
        yield Bench(database, Blobs(settings.blobs_url), stubs, services, settings)
