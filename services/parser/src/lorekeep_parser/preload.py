"""What the fork server imports before it forks, so that a child costs a fork and no imports.

Everything here runs without threads: OpenBLAS and OpenMP are told to keep to one, since a fork copies one thread only.
"""

import gc
import importlib
import logging
import os
import sys
import warnings
from typing import Any

ENVIRONMENT = {
    # unstructured and its relatives phone home on import and ask a hub for models unless told otherwise.
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "HF_HUB_OFFLINE": "1",
    # One document, one core; and no threads in the process that forks.
    "OMP_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

_LIGHT = (
    "tokenizers",
    "pypdfium2",
    "charset_normalizer",
    "openpyxl",
    "olefile",
    "PIL.Image",
    "lxml.html",
    "markdown_it",
    "yaml",
    "langdetect",
)
_HEAVY = ("docx", "pptx", "html", "md", "email", "msg")
# spaCy imports a deep-learning framework where it finds one. Nothing here computes with it, and it costs 300 MiB.
_UNWANTED = ("torch", "tensorflow", "mxnet", "cupy", "jax")
_SPACY_MODEL = "en_core_web_sm"

Component = dict[str, str]


def load() -> dict[str, Component]:
    """Imports all readers; gives the components for health. Without `unstructured` the other routes still work."""
    for name in _UNWANTED:
        sys.modules[name] = None  # type: ignore[assignment]
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    for module in _LIGHT:
        importlib.import_module(module)
    importlib.import_module("lorekeep_parser.readers")
    importlib.import_module("lorekeep_parser.reading")
    from lorekeep_parser import verdicts

    # Reads the profiles of all languages once, which takes longer than most documents.
    verdicts.language("The quick brown fox jumps over the lazy dog, and nobody minds.")
    components = {"unstructured": _unstructured(), "ocr": _ocr()}
    gc.collect()
    gc.freeze()
    return components


def _unstructured() -> Component:
    try:
        pipeline = _install_pipeline()
    except (ImportError, OSError, AttributeError) as error:
        return {"status": "degraded", "detail": f"office, HTML and mail cannot be read: {error}"}
    missing = [reason for name in _HEAVY if (reason := _not_imported(f"unstructured.partition.{name}"))]
    if missing:
        return {"status": "degraded", "detail": f"some formats cannot be read: {'; '.join(missing)}"}
    return {"status": "ok", "detail": f"model: {pipeline}"}


def _not_imported(module: str) -> str:
    """Imports a module; gives why it could not."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return f"{module}: {error}"
    return ""


def _ocr() -> Component:
    from lorekeep_parser.readers import ocr

    if ocr.available():
        return {"status": "ok", "detail": "tesseract"}
    return {"status": "degraded", "detail": "tesseract is not installed; apt-get install tesseract-ocr"}


def _install_pipeline() -> str:
    """Keeps unstructured from downloading: its model where installed, else a blank pipeline. Gives the name."""
    import spacy
    import unstructured.nlp.tokenize as tokenize

    if spacy.util.is_package(_SPACY_MODEL):
        tokenize._get_nlp()
        return _SPACY_MODEL
    pipeline = _blank_pipeline(spacy)
    tokenize._get_nlp = lambda: pipeline
    return "blank"


def _blank_pipeline(spacy: Any) -> Any:
    """Sentences by punctuation and verbs by a rule: all that unstructured asks to tell prose from titles."""
    from lorekeep_parser import verbs

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    spacy.language.Language.component("lorekeep_verbs", func=verbs.tag)
    pipeline.add_pipe("lorekeep_verbs")
    return pipeline


def environment() -> dict[str, str]:
    """The environment for the fork server: the given one without secrets of the service, with `ENVIRONMENT`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LOREKEEP_", "OTEL_"))}
    return kept | ENVIRONMENT
