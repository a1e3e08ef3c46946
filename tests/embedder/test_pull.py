"""`lorekeep models pull` against a hub that behaves, and one that does not."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.embedder.hub_server import CHUNK_BYTES, MIDWAY, REPOSITORY, REVISION, Hub, serving, tiny_repository

ENTRY = {"name": "tiny", "repository": REPOSITORY, "revision": REVISION, "dimensions": 96, "window_tokens": 128}
WANTED = {"model.safetensors", "config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> dict[str, bytes]:
    return tiny_repository(tmp_path_factory.mktemp("tiny"), (folder / "tokenizer.json").read_bytes())


@pytest.fixture
def hub(repository: dict[str, bytes]) -> Iterator[Hub]:
    with serving(Hub(dict(repository))) as hub:
        yield hub


def _own(root: Path, **fields: object) -> None:
    root.mkdir(exist_ok=True)
    (root / "models.yaml").write_text(yaml.safe_dump({"models": [{**ENTRY, **fields}]}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _own(tmp_path / "models")
    return tmp_path / "models"


def _run(root: Path, hub: Hub, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ, "LOREKEEP_MODELS_PATH": str(root), "HF_ENDPOINT": hub.url, "HF_HOME": str(root.parent / "hf"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "2", **environ,
    }  # fmt: skip
    command = [sys.executable, "-m", "lorekeep_embedder.commands", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


def _pull(root: Path, hub: Hub, **environ: str) -> "subprocess.CompletedProcess[str]":
    ended = _run(root, hub, "pull", "--no-probe", "tiny", **environ)
    assert "Traceback" not in ended.stderr
    return ended


def _lies(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_pull_takes_named_files_alone_locks_them_and_tries_a_sentence(root: Path, hub: Hub) -> None:
    hub.extra_names = ("../../evil.json", "1_Pooling/../../config.json", "/etc/evil")
    ended = _run(root, hub, "pull", "house/tiny", HF_TOKEN="hf_secret")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0] == "tiny: fetched and verified"
    assert ended.stdout.splitlines()[1].startswith("tiny: a sentence became 96 numbers, by ")
    assert _lies(root / "tiny") == WANTED | {"lorekeep.lock.json"}
    assert {name for name, _ in hub.asked} == WANTED
    assert set(hub.tokens) == {"Bearer hf_secret"}
    assert not list(root.parent.rglob("evil*"))
    lock = json.loads((root / "tiny" / "lorekeep.lock.json").read_text())
    assert (lock["repository"], lock["revision"], set(lock["files"])) == (REPOSITORY, REVISION, WANTED)
    listed = _run(root, hub, "list", COLUMNS="100")
    assert next(line for line in listed.stdout.splitlines() if line.startswith("tiny ")).split()[-1] == "here"
    assert max(map(len, listed.stdout.splitlines()[:-1])) <= 100
    asked = len(hub.asked)
    assert _pull(root, hub).stdout == "tiny: here already, verified\n"
    assert len(hub.asked) == asked


def test_verify_tells_a_whole_model_from_a_damaged_one(root: Path, hub: Hub) -> None:
    _pull(root, hub)
    whole = _run(root, hub, "verify", "tiny")
    assert (whole.returncode, "pinned by the lock of its pull" in whole.stdout) == (0, True)
    pooling = root / "tiny" / "1_Pooling" / "config.json"
    pooling.write_bytes(b"[]")
    damaged = _run(root, hub, "verify")
    assert (damaged.returncode, "1_Pooling/config.json has SHA-256" in damaged.stderr) == (1, True)
    assert _pull(root, hub).stdout == "tiny: fetched and verified\n"
    assert pooling.read_bytes() == hub.files["1_Pooling/config.json"]


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("auto", "The registry says 33 numbers a vector, the model's are 96."),
        ("torch", "it makes 96 numbers a vector, and the registry says 33"),
    ],
)
def test_another_length_than_the_registry_says_is_a_failure(root: Path, hub: Hub, backend: str, said: str) -> None:
    _own(root, dimensions=33)
    ended = _run(root, hub, "pull", "tiny", LOREKEEP_BACKEND=backend, LOREKEEP_DEVICE="cpu")
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_connection_that_ends_midway_is_continued(root: Path, hub: Hub) -> None:
    hub.cut["model.safetensors"] = MIDWAY
    assert _pull(root, hub).returncode == 0
    assert [each for each in hub.asked if each[0] == "model.safetensors"] == [
        ("model.safetensors", ""), ("model.safetensors", f"bytes={CHUNK_BYTES}-")
    ]  # fmt: skip


def test_a_hub_that_falls_silent_is_asked_again(root: Path, hub: Hub) -> None:
    hub.stall["model.safetensors"] = 5
    assert _pull(root, hub).returncode == 0
    ranges = [asked for name, asked in hub.asked if name == "model.safetensors"]
    assert ranges == ["", f"bytes={CHUNK_BYTES}-"]


def test_a_pull_that_failed_is_continued_by_the_next(root: Path, hub: Hub) -> None:
    whole = hub.files["model.safetensors"]
    staged = root / ".pulls" / f"tiny-{REVISION[:12]}" / "model.safetensors"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(whole[:5000])
    hub.forbidden.add("config.json")
    failed = _pull(root, hub)
    assert (failed.returncode, "answered with 403" in failed.stderr) == (1, True)
    assert ("model.safetensors", "bytes=5000-") in hub.asked
    assert not (root / "tiny").exists()
    hub.forbidden.clear()
    hub.asked.clear()
    assert _pull(root, hub).returncode == 0
    assert "model.safetensors" not in {name for name, _ in hub.asked}


def test_what_an_earlier_pull_left_of_another_file_is_fetched_anew(root: Path, hub: Hub) -> None:
    staged = root / ".pulls" / f"tiny-{REVISION[:12]}" / "model.safetensors"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"\0" * 5000)
    assert _pull(root, hub).returncode == 0
    assert (root / "tiny" / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_other_bytes_than_the_hub_says_are_refused(root: Path, hub: Hub, name: str) -> None:
    hub.instead[name] = bytes(len(hub.files[name]))
    ended = _pull(root, hub)
    assert (ended.returncode, f"{name} of house/tiny came with other bytes" in ended.stderr) == (1, True)
    assert not (root / "tiny").exists()


def test_weights_that_are_not_the_pinned_ones_are_not_even_fetched(root: Path, hub: Hub) -> None:
    _own(root, weights_sha256="0" * 64)
    ended = _pull(root, hub)
    assert (ended.returncode, "Nothing was fetched" in ended.stderr, hub.asked) == (1, True, [])


@pytest.mark.parametrize(
    ("status", "error_code", "said"),
    [
        (401, "", "Set HF_TOKEN"),
        (403, "GatedRepo", "wants its terms accepted"),
        (404, "RepoNotFound", "shows no house/tiny"),
        (404, "RevisionNotFound", "has no commit a1a1"),
        (500, "", "answered with 500"),
    ],
)
def test_what_the_hub_refuses_is_told_in_one_line(
    root: Path, hub: Hub, status: int, error_code: str, said: str
) -> None:
    hub.status, hub.error_code = status, error_code
    ended = _pull(root, hub)
    assert (ended.returncode, said in ended.stderr, len(ended.stderr.splitlines())) == (1, True, 1)


def test_a_moved_commit_pickles_alone_and_no_room_are_refused(root: Path, hub: Hub) -> None:
    hub.revision = "b2" * 20
    assert "not the pinned" in _pull(root, hub).stderr
    hub.revision = REVISION
    hub.claimed_size["model.safetensors"] = 10**15
    assert "MiB are free" in _pull(root, hub).stderr
    del hub.files["model.safetensors"]
    assert "has no model.safetensors" in _pull(root, hub).stderr
    assert hub.asked == []


def test_a_file_on_another_host_is_fetched_without_the_token(root: Path, hub: Hub) -> None:
    with serving(Hub(dict(hub.files))) as store:
        hub.elsewhere["model.safetensors"] = store.url
        assert _pull(root, hub, HF_TOKEN="hf_secret").returncode == 0
        assert [name for name, _ in store.asked] == ["model.safetensors"]
        assert store.tokens == [""]
        assert "Bearer hf_secret" in hub.tokens


def test_nothing_is_fetched_offline_nor_beside_another_pull_nor_without_a_place(root: Path, hub: Hub) -> None:
    assert "HF_HUB_OFFLINE is set" in _pull(root, hub, HF_HUB_OFFLINE="1").stderr
    with (root / ".pulls" / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "being pulled by another process" in _pull(root, hub).stderr
    hub.url = "http://127.0.0.1:9"
    assert "cannot be reached" in _pull(root, hub).stderr
    assert _run(root / "models.yaml", hub, "pull", "bge-m3").returncode == 1
    assert hub.asked == []


def test_an_unknown_name_stops_everything_before_anything_is_fetched(root: Path, hub: Hub) -> None:
    ended = _run(root, hub, "pull", "tiny", "tinny")
    assert (ended.returncode, "has no tinny" in ended.stderr, hub.asked) == (2, True, [])


def test_beside_a_local_suite_its_models_are_meant(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "data").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.endswith("MODELS_PATH")}
    command = [sys.executable, "-m", "lorekeep_embedder.commands", "list"]
    done = subprocess.run(
        command, env={**environment, "LOREKEEP_HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert f"Models lie in {tmp_path}/data/models. " in done.stdout


def test_a_sparse_head_is_the_one_pickle_that_is_fetched(root: Path, hub: Hub) -> None:
    _own(root, sparse=True)
    assert "has no sparse_linear.pt" in _pull(root, hub).stderr
    hub.files["sparse_linear.pt"] = b"a head"
    assert _pull(root, hub).returncode == 0
    assert _lies(root / "tiny") == WANTED | {"lorekeep.lock.json", "sparse_linear.pt"}
    (root / "tiny" / "sparse_linear.pt").write_bytes(b"a trap")
    assert "sparse_linear.pt has SHA-256" in _run(root, hub, "verify").stderr
