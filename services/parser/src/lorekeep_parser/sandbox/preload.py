"""What the fork servers import before they fork, so that a child costs a fork and no imports.

The light one has what reads PDF, workbooks, tables, text and images: it is ready in a second or two, and its children
cost little. The heavy one has `unstructured` as well.

Everything here runs without threads: OpenBLAS and OpenMP are told to keep to one, since a fork copies one thread only.
"""

import gc
import importlib
import logging
import os
import sys
import warnings
from typing import Any

from lorekeep_parser.sandbox import needs
from lorekeep_parser.sandbox.needs import Need

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
    "olefile",
    "oxmsg.storage",
    "PIL.Image",
    "lxml.html",
    "markdown_it",
    "yaml",
    "langdetect",
    "pdfplumber",
    "python_calamine",
    "encodings.utf_16_le",
)
_PARTITIONS = ("docx", "pptx")
# spaCy imports a deep-learning framework where it finds one. Nothing here computes with it, and it costs 300 MiB.
_UNWANTED = ("torch", "tensorflow", "mxnet", "cupy", "jax")
# What the fork servers, and with them the children, keep of the parser's environment: where programs and data are.
# A list of what is kept, since nobody could list what is secret.
_KEPT = frozenset({
    "HF_HOME", "HF_HUB_CACHE", "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "TESSDATA_PREFIX", "TMPDIR", "TZ",
    "VIRTUAL_ENV",
})  # fmt: skip
_KEPT_BEGINNINGS = ("LC_", "PYTHON", "UNSTRUCTURED_", "XDG_")
_SPACY_MODEL = "en_core_web_sm"

Component = dict[str, str]


def load_light() -> dict[str, Component]:
    """Imports what reads without `unstructured`, which cannot be imported from then on; gives the components for
    health."""
    _forbid(*_UNWANTED, "unstructured")
    needs.lack(Need.UNSTRUCTURED)
    components = {"readers": _readers(heavy=False), "ocr": _ocr()}
    _settle()
    return components


def load_heavy() -> dict[str, Component]:
    """Imports all readers; gives the components for health."""
    _forbid(*_UNWANTED)
    _readers(heavy=True)
    components = {"unstructured": _unstructured()}
    _settle()
    return components


def _forbid(*modules: str) -> None:
    for name in modules:
        sys.modules[name] = None  # type: ignore[assignment]
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)


def _readers(*, heavy: bool) -> Component:
    from lorekeep_parser import readers, verdicts

    wanted = (*_LIGHT, "lorekeep_parser.sandbox.child", *readers.modules(heavy=heavy))
    missing = [reason for name in wanted if (reason := _not_imported(name))]
    # Reads the profiles of all languages once, which takes longer than most documents.
    verdicts.language("The quick brown fox jumps over the lazy dog, and nobody minds.")
    if missing:
        return {"status": "degraded", "detail": f"some formats cannot be read: {'; '.join(missing)}"}
    return {"status": "ok", "detail": "imported"}


def _settle() -> None:
    """What was imported stays: kept out of the sight of collections, whose marks would copy its pages."""
    gc.collect()
    gc.freeze()


def _unstructured() -> Component:
    try:
        pipeline = _install_pipeline()
    except (ImportError, OSError, AttributeError) as error:
        return {"status": "degraded", "detail": f"Word documents and presentations cannot be read: {error}"}
    missing = [reason for name in _PARTITIONS if (reason := _not_imported(f"unstructured.partition.{name}"))]
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
    from lorekeep_parser.sandbox import verbs

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    spacy.language.Language.component("lorekeep_verbs", func=verbs.tag)
    pipeline.add_pipe("lorekeep_verbs")
    return pipeline


def environment() -> dict[str, str]:
    """The environment for the fork servers: of the given one what is harmless, with `ENVIRONMENT`."""
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or key.startswith(_KEPT_BEGINNINGS)}
    return kept | ENVIRONMENT
