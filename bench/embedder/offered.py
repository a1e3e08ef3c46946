"""Which backends and precisions of ours this machine can be measured with."""

from collections.abc import Sequence
from pathlib import Path

from bench.embedder.contenders import Variant

_ONNXRUNTIME_MIB, _OPENVINO_MIB = 300, 450
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def variants(names: Sequence[str] = ()) -> list[Variant]:
    """In the order in which they are shown, the one that serves this machine best at the end."""
    found = [Variant("onnxruntime", "float32", _ONNXRUNTIME_MIB), Variant("openvino", "float32", _OPENVINO_MIB)]
    if "bfloat16" in precisions():
        found.append(Variant("openvino", "bfloat16", _OPENVINO_MIB))
    return [each for each in found if not names or each.name in names]


def precisions() -> list[str]:
    """What the peers and the limit are measured in: bfloat16 only where the processor computes it."""
    return ["float32", "bfloat16"] if flags() & _BF16_FLAGS else ["float32"]


def flags() -> set[str]:
    """What the processor says it can do."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return set(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
