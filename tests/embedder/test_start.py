"""How an embedder starts: without its model, with a damaged one, without a network, and what it says meanwhile."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls
from lorekeep_chassis.errors import NotFound, Unavailable
from tests import cut_off
from tests.embedder.hub_server import REPOSITORY, REVISION, Hub, serving, tiny_repository
from tests.embedder.processes import CALLER, EmbedderProcess, embed, running, stub_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny_root(tmp_path: Path) -> Path:
    """A models' path whose own registry has a tiny model; its files are not there."""
    entry = {"name": "tiny", "repository": REPOSITORY, "revision": REVISION, "dimensions": 96, "window_tokens": 128}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.yaml").write_text(yaml.safe_dump({"models": [entry]}))
    return tmp_path / "models"


def _model_of(embedder: EmbedderProcess) -> dict[str, str]:
    return dict(json.loads(embedder.get("/health/ready")[1])["components"]["model"])


async def test_a_start_without_its_model_waits_for_the_pull_and_loads_others_by_name(
    tiny_root: Path, tmp_path: Path, folder: Path
) -> None:
    repository = tiny_repository(tmp_path, (folder / "tokenizer.json").read_bytes())
    with serving(Hub(repository)) as hub, running(tiny_root, EMBEDDING_MODEL="tiny") as embedder:
        embedder.wait_for("the model cannot be served")
        assert "`lorekeep models pull tiny`" in _model_of(embedder)["detail"]
        environment = {**os.environ, "LOREKEEP_MODELS_PATH": str(tiny_root), "HF_ENDPOINT": hub.url}
        command = [sys.executable, "-m", "lorekeep_embedder.commands", "pull", "--no-probe", "tiny"]
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, timeout=100)
        embedder.wait_until_ready()
        assert _model_of(embedder)["detail"].startswith("tiny on ")
        async with stub_of(embedder) as stub:
            assert len((await embed(stub, ["x"])).vectors) == 96 * 4
            with calls.calling_as(CALLER):
                before = (await stub.ListModels(embedder_pb2.ListModelsRequest(), timeout=10)).models
                request = embedder_pb2.LoadModelRequest(model="sentence-transformers/all-MiniLM-L6-v2")
                loaded = (await stub.LoadModel(request, timeout=60)).model
            answer = await embed(stub, ["x"], model="all-MiniLM-L6-v2", expected_fingerprint=loaded.fingerprint)
            with pytest.raises(Unavailable, match="lorekeep models pull bge-m3"):
                await embed(stub, ["x"], model="BAAI/bge-m3")
            with pytest.raises(NotFound, match="has no embedder of that name"):
                await embed(stub, ["x"], model="bge-reranker-base")
        metrics = embedder.get("/metrics")[1]
    assert [(each.name, each.loaded) for each in before] == [("tiny", True), ("all-MiniLM-L6-v2", False)]
    assert (loaded.loaded, loaded.fingerprint) == (True, before[1].fingerprint)
    assert len(answer.vectors) == 384 * 4
    assert 'embedding_model_loads_total{model="all-MiniLM-L6-v2",outcome="loaded"} 1.0' in metrics
    assert f'device="cpu",model="tiny",precision="{loaded.precision}"' in metrics


def test_damaged_weights_are_a_reason_not_a_crash(tmp_path: Path, folder: Path) -> None:
    damaged = shutil.copytree(folder, tmp_path / "all-MiniLM-L6-v2")
    with (damaged / "model.safetensors").open("r+b") as weights:
        weights.seek(10_000)
        weights.write(b"\xff")
    with running(tmp_path) as embedder:
        embedder.wait_for("the model cannot be served")
        told = _model_of(embedder)
        assert (told["status"], "are not the pinned ones: model.safetensors has SHA-256" in told["detail"]) == (
            "failed", True
        )  # fmt: skip
        shutil.copy(folder / "model.safetensors", damaged)
        embedder.wait_until_ready()


def test_it_serves_without_a_network_from_a_volume_that_cannot_be_written(tmp_path: Path, folder: Path) -> None:
    namespaces = cut_off.unshared("--net", "--mount")
    shutil.copytree(folder, tmp_path / "models" / "all-MiniLM-L6-v2")
    command = [*namespaces, sys.executable, "-m", "tests.embedder.air_gapped", str(tmp_path / "models")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {"network": "OSError 101", "read_only": True, "ready": 200, "dimensions": 384}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["all-MiniLM-L6-v2"]


def test_what_serves_turns_the_hub_off_itself() -> None:
    script = (
        "import os, sys, lorekeep_embedder.__main__ as m\n"
        "try: m.main()\nexcept SystemExit: pass\n"
        "from huggingface_hub import constants\nprint(constants.HF_HUB_OFFLINE)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "LOREKEEP_EMB"))}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True\n"
