"""Where the embedder keeps files: the models' directory, and the user's cache."""

import os
from pathlib import Path


def cache() -> Path:
    """The directory below which everything lies that can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "lorekeep"


def models_root(models_path: str) -> Path:
    """The directory of model folders: LOREKEEP_MODELS_PATH, or `models` in the cache where that is empty."""
    return Path(models_path) if models_path else cache() / "models"
