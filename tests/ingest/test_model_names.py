"""What EMBEDDING_MODEL may say: the names that the embedder takes, the worker takes too."""

from types import SimpleNamespace
from typing import Any

import pytest

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls
from lorekeep_chassis.errors import NotFound
from lorekeep_gateway.ingest.embedding import Embedding

MODELS = [embedder_pb2.Model(name=name) for name in ("all-MiniLM-L6-v2", "bge-small-en-v1.5")]
SETTINGS: Any = SimpleNamespace(retry_seconds=1.0, stage_deadline_seconds=10.0)
CALLER = calls.CallContext("org_a", "col_a", "job_a", calls.Lane.BULK)


class _Listing:
    async def ListModels(self, request: object) -> embedder_pb2.ListModelsResponse:
        return embedder_pb2.ListModelsResponse(models=MODELS)


async def _named(name: str) -> str:
    stub: Any = _Listing()
    with calls.calling_as(CALLER):
        return (await Embedding(stub, SETTINGS).model(name)).name


async def test_a_name_goes_with_or_without_its_owner() -> None:
    assert await _named("") == "all-MiniLM-L6-v2"
    assert await _named("bge-small-en-v1.5") == "bge-small-en-v1.5"
    assert await _named("BAAI/bge-small-en-v1.5") == "bge-small-en-v1.5"


@pytest.mark.parametrize("name", ["small-en-v1.5", "BAAI/", "BAAI/bge-base-en-v1.5"])
async def test_another_name_is_no_models(name: str) -> None:
    with pytest.raises(NotFound, match="Set EMBEDDING_MODEL"):
        await _named(name)
