"""`python -m lorekeep_embedder`: runs the embedder."""

import os
from importlib import metadata

from lorekeep_chassis import process
from lorekeep_embedder.service import serve
from lorekeep_embedder.settings import EmbedderSettings


def main() -> None:
    """Runs the embedder until it is told to end."""
    # Sessions use the cores; a tokenizer that takes all of them for one long text would only get in their way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # What serves never asks a hub for anything: models come by `lorekeep models pull`, in a process of its own.
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    process.run("embedder", _version(), EmbedderSettings, serve)


def _version() -> str:
    try:
        return metadata.version("lorekeep-embedder")
    except metadata.PackageNotFoundError:
        return "0.0.0"


if __name__ == "__main__":
    main()
