"""The model hub: what a commit of a repository holds, and its files, fetched where an interrupted try left off."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from lorekeep_embedder.models.model_files import CONFIG, TOKENIZER, WEIGHTS
from lorekeep_embedder.models.registry import ModelSpec

_METADATA_SECONDS = 30
_REQUIRED = (WEIGHTS, CONFIG, TOKENIZER)
# What sentence-transformers wants beside them. Never a pickle, with one exception: bge-m3's sparse head.
_WELCOME = (
    "modules.json",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
_SPARSE_HEAD = "sparse_linear.pt"


class HubError(Exception):
    """A model cannot be fetched; the message says why and what to do."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository. The hub gives `sha256` for large files and the git blob's id for the others."""

    name: str
    size: int
    sha256: str
    blob_id: str

    def is_whole(self, path: Path) -> bool:
        """Whether the file at `path` is this one, byte for byte."""
        if path.stat().st_size != self.size:
            return False
        with path.open("rb") as file:
            if self.sha256:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
            blob = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
            return hashlib.file_digest(file, lambda: blob).hexdigest() == self.blob_id


def files_of(spec: ModelSpec) -> list[HubFile]:
    """The files to fetch, at the pinned commit: those that are needed and those that are welcome, no others.

    They are asked for by our names: what else a listing holds is passed over, so it cannot lead out of the folder.
    """
    with _translated(spec):
        told = HfApi().model_info(
            spec.repository, revision=spec.revision, files_metadata=True, timeout=_METADATA_SECONDS
        )
    if told.sha != spec.revision:
        raise HubError(f"The hub gave the commit {told.sha} of {spec.repository}, not the pinned {spec.revision}.")
    known = {each.rfilename: each for each in told.siblings or ()}
    required = (*_REQUIRED, _SPARSE_HEAD) if spec.sparse else _REQUIRED
    if missing := [name for name in required if name not in known]:
        raise HubError(
            f"{spec.repository} has no {', '.join(missing)} at {spec.revision[:12]}. Models are taken as safetensors "
            "only: pin a commit that has them."
        )
    return [_hub_file(spec, known[name]) for name in (*required, *_WELCOME) if name in known]


def fetch(spec: ModelSpec, file: HubFile, target: Path) -> None:
    """Fetches into `target`, from where it ends where it is there already; HubError where it is not whole then."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and target.stat().st_size > file.size:
        target.unlink()
    for _ in range(2):
        begun = target.stat().st_size if target.is_file() else 0
        with target.open("ab") as into, _translated(spec):
            http_get(
                hf_hub_url(spec.repository, file.name, revision=spec.revision),
                into,
                resume_size=begun,
                expected_size=file.size,
                headers=build_hf_headers(),
                displayed_filename=f"{spec.name}/{file.name}",
            )
        if file.is_whole(target):
            return
        # Not what the hub says it holds: what an earlier try left may be of something else, so once more from nothing.
        target.unlink()
        if not begun:
            break
    raise HubError(
        f"{file.name} of {spec.repository} came with other bytes than the hub says it has. Try again; if it stays, a "
        "proxy or mirror on the way changes files."
    )


def _hub_file(spec: ModelSpec, told: Any) -> HubFile:
    sha256 = told.lfs.sha256 if told.lfs else ""
    size = told.lfs.size if told.lfs else told.size
    if size is None or not (sha256 or told.blob_id):
        raise HubError(f"The hub says neither size nor hash of {told.rfilename} in {spec.repository}.")
    if told.rfilename == WEIGHTS and spec.weights_sha256 not in ("", sha256):
        raise HubError(
            f"The hub has {WEIGHTS} of {spec.repository} with SHA-256 {sha256 or 'unknown'}, and the registry pins "
            f"{spec.weights_sha256}. Nothing was fetched."
        )
    return HubFile(told.rfilename, size, sha256, told.blob_id or "")


@contextmanager
def _translated(spec: ModelSpec) -> Iterator[None]:
    """Turns what the hub's library raises into one kind of error, with what to do."""
    try:
        yield
    except OfflineModeIsEnabled:
        raise HubError("HF_HUB_OFFLINE is set, so nothing is fetched. Unset it for this command.") from None
    except GatedRepoError:
        raise HubError(f"{spec.repository} wants its terms accepted: do so, then set HF_TOKEN.") from None
    except RevisionNotFoundError:
        raise HubError(f"{spec.repository} has no commit {spec.revision} any more. Pin another one.") from None
    except RepositoryNotFoundError:
        raise HubError(f"The hub shows no {spec.repository}. If it is private, set HF_TOKEN.") from None
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        hint = "Set HF_TOKEN, or another one." if code in (401, 403) else "Try again; what came is kept."
        raise HubError(f"The hub answered with {code or 'nothing'} for {spec.repository}. {hint}") from None
    except httpx2.HTTPError as error:
        raise HubError(
            f"The hub cannot be reached ({type(error).__name__}). Check the network, or HF_ENDPOINT for a mirror; what "
            "came is kept."
        ) from None
    except OSError as error:
        raise HubError(f"{spec.repository} cannot be fetched: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
