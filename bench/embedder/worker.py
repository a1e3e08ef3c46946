"""sentence-transformers in a process of its own: `python bench/embedder/worker.py MODEL_FOLDER`, commands by lines.

Reads a JSON object a line and answers with one. It knows nothing of lorekeep, so it runs in the peers' environment, as
the naive peer, and in that of the tests, as the oracle.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

Command = Callable[..., dict[str, Any]]


def answer_lines(commands: dict[str, Command], lines: Iterable[str]) -> None:
    """Does what each line says: {"do": name, ...arguments}."""
    print(json.dumps({"ready": True}), flush=True)
    for line in lines:
        asked = json.loads(line)
        print(json.dumps(commands[asked.pop("do")](**asked)), flush=True)


def counted(compute: Callable[[int], int], seconds: float) -> dict[str, Any]:
    """Calls `compute` with 0, 1, 2 ... for a time; it tells how many texts it did. CPU time of all threads."""
    done, number, until, before = 0, 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < until:
        done += compute(number)
        number += 1
    return {"texts": done, "cpu_seconds": time.process_time() - before}


def main() -> None:
    """Serves the model in the folder given."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)

    def rate(texts: list[str], size: int, seconds: float) -> dict[str, Any]:
        def compute(number: int) -> int:
            at = number * size % (len(texts) - size + 1)
            return len(model.encode(texts[at : at + size], normalize_embeddings=True))

        return counted(compute, seconds)

    def vectors(texts: list[str], path: str) -> dict[str, Any]:
        np.save(path, model.encode(texts, normalize_embeddings=True, batch_size=16))
        return {"texts": len(texts)}

    answer_lines({"rate": rate, "vectors": vectors}, sys.stdin)


if __name__ == "__main__":
    main()
