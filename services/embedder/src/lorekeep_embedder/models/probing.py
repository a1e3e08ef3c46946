"""Tries a model the way the embedder would compute it."""

import os
import secrets

from lorekeep_chassis import settings
from lorekeep_embedder.backends import choice
from lorekeep_embedder.models import model_files
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.texts.tokenizer import Tokenizer

_TOKENS = settings.names("embedder_token", "embedder")
_SENTENCE = "The quick brown fox jumps over the lazy dog."


def probed(spec: ModelSpec, models_path: str) -> tuple[int, str]:
    """Numbers that a sentence became, and the backend that made them; raises what a backend raises.

    The graph that a CPU needs is built on the way, so that the first start after a pull has it.
    """
    plan = choice.planned(_settings(models_path))
    files = model_files.verified(spec, models_path)
    backend = choice.opened(plan, files.spec, files.folder, models_path)
    try:
        tokens = Tokenizer(files.spec, files.folder).tokenised([_SENTENCE], truncate=True)
        return int(backend.compute(tokens.texts).vectors.shape[1]), backend.name
    finally:
        backend.close()


def _settings(models_path: str) -> EmbedderSettings:
    """The embedder's own, from this environment; nobody calls here, so a token need not be known."""
    environ = dict(os.environ)
    if settings.given("models_path", "embedder", environ, []) is None:
        environ["LOREKEEP_MODELS_PATH"] = models_path
    if not any(f"{name}{suffix}" in environ for name in _TOKENS for suffix in ("", "_FILE")):
        environ[_TOKENS[0]] = secrets.token_hex(32)
    return settings.load(EmbedderSettings, "embedder", environ)
