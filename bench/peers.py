"""Another engine reads files: `python bench/peers.py ENGINE WARMING FILE...`, in an environment of bench/peers.txt.

Prints one JSON line a file: {"file", "cpu_seconds", "wall_seconds", "peak_mib", "text", "error"}. Imports and the small
first file, which warms what is loaded late, are not counted; no engine may keep what it read for a second time. It
knows nothing of lorekeep, so it runs where lorekeep is not installed.
"""

import importlib
import json
import logging
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

Engine = Callable[[str], str]
_KIBIBYTE = 1024


def _unstructured() -> Engine:
    os.environ.update(DO_NOT_TRACK="1", SCARF_NO_ANALYTICS="1", HF_HUB_OFFLINE="1", UNSTRUCTURED_DISABLE_NOTICE="1")
    _without_download(importlib.import_module("unstructured.nlp.tokenize"))
    partition = importlib.import_module("unstructured.partition.auto").partition

    def read(path: str) -> str:
        options: dict[str, Any] = {"strategy": "fast"} if path.endswith(".pdf") else {}
        return "\n\n".join(each.text for each in partition(path, languages=["eng"], **options))

    return read


def _without_download(tokenize: Any) -> None:
    """unstructured asks a hub for a model of English; without one, sentences by punctuation and no parts of speech."""
    spacy = importlib.import_module("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    tokenize._get_nlp = lambda: pipeline


def _pypdf() -> Engine:
    reader = importlib.import_module("pypdf").PdfReader
    return lambda path: "\n\n".join(page.extract_text() for page in reader(path).pages)


def _pypdfium2() -> Engine:
    document = importlib.import_module("pypdfium2").PdfDocument
    return lambda path: "\n\n".join(page.get_textpage().get_text_range() for page in document(path))


def _kreuzberg() -> Engine:
    kreuzberg = importlib.import_module("kreuzberg")
    options = kreuzberg.ExtractionConfig(use_cache=False)
    return lambda path: str(kreuzberg.extract_file_sync(path, config=options).content)


def _markitdown() -> Engine:
    converter = importlib.import_module("markitdown").MarkItDown(enable_plugins=False)
    return lambda path: str(converter.convert(path).text_content)


ENGINES: dict[str, Callable[[], Engine]] = {
    "unstructured": _unstructured,
    "pypdf": _pypdf,
    "pypdfium2": _pypdfium2,
    "kreuzberg": _kreuzberg,
    "markitdown": _markitdown,
}


def main() -> None:
    """Reads every file given; tells of all but the first."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    engine = ENGINES[sys.argv[1]]()
    _told(engine, sys.argv[2])
    for path in sys.argv[3:]:
        print(json.dumps(_told(engine, path)), flush=True)


def _told(engine: Engine, path: str) -> dict[str, object]:
    cpu, wall, text, error = _cpu_seconds(), time.monotonic(), "", ""
    try:
        text = engine(path)
    except Exception as problem:  # noqa: BLE001 - an engine raises what it likes; that it did is its result
        error = type(problem).__name__
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIBIBYTE
    return {
        "file": Path(path).name,
        "cpu_seconds": _cpu_seconds() - cpu,
        "wall_seconds": time.monotonic() - wall,
        "peak_mib": peak,
        "text": text,
        "error": error,
    }


def _cpu_seconds() -> float:
    """Of this process and of those that it started and that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
