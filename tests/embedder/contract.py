"""What every backend keeps, the fake one too: the scheduler relies on nothing else."""

from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lorekeep_embedder.backends.seam import Backend, Tokens


def assert_kept(backend: Backend, texts: Sequence[Tokens]) -> None:
    """One row a text, in their order, float32; the same from any thread, alone or among others, whatever holds ids."""
    together = backend.compute(texts)
    assert together.vectors.dtype == np.float32
    assert together.vectors.shape[0] == len(texts)
    assert len(together.sparse) in (0, len(texts))
    assert backend.batch_tokens > 0
    assert backend.memory_bytes > 0
    close = 2e-3 if backend.precision == "bfloat16" else 1e-4
    compact = [Tokens(array("i", each.ids), each.types) for each in reversed(texts)]
    with ThreadPoolExecutor(2) as threads:
        for outputs in threads.map(backend.compute, [compact, compact]):
            assert np.abs(outputs.vectors[::-1] - together.vectors).max() < close
    alone = np.concatenate([backend.compute([each]).vectors for each in texts[:4]])
    assert np.abs(alone - together.vectors[:4]).max() < close
