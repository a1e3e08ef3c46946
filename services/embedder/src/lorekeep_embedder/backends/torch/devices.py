"""Where torch computes: the CPU, or the CUDA device that CUDA_VISIBLE_DEVICES puts first."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import local
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import metrics

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Device(Protocol):
    """What differs between devices."""

    name: str
    batch_tokens: int
    precisions: tuple[str, ...]

    def put(self, array: NDArray[Any]) -> Any:
        """The array as a tensor there; the copy may still run."""

    def get(self, tensors: tuple[Any, ...]) -> list[NDArray[Any]]:
        """The tensors as arrays here, once what makes them has ended."""

    def running(self) -> Any:
        """A context in which the calling thread's kernels and copies are issued."""

    def free(self) -> None:
        """Gives unused memory back."""

    def peak_bytes(self, run: Callable[[], object]) -> int:
        """Memory that `run` takes at its height, beside what is held before; with what runs beside it counted in."""


class CpuDevice:
    """The CPU; each session computes in its own thread alone."""

    name = "cpu"
    batch_tokens = 256
    precisions: tuple[str, ...] = ("float32", "bfloat16", "float16")

    def __init__(self) -> None:
        torch.set_num_threads(1)

    def put(self, array: NDArray[Any]) -> Any:
        """See Device; nothing is copied."""
        return torch.from_numpy(array)

    def get(self, tensors: tuple[Any, ...]) -> list[NDArray[Any]]:
        """See Device; nothing is copied."""
        return [tensor.numpy() for tensor in tensors]

    @contextmanager
    def running(self) -> Iterator[None]:
        """See Device."""
        with torch.inference_mode():
            yield

    def free(self) -> None:
        """Nothing: what is freed on a CPU goes back by itself."""

    def peak_bytes(self, run: Callable[[], object]) -> int:
        """Nothing: torch does not measure it on a CPU, where a batch is small."""
        return 0


class CudaDevice:
    """A CUDA device. Each thread has its own stream: one's copies run while another's kernels do."""

    name = "cuda"
    batch_tokens = 8_192

    def __init__(self) -> None:
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        self.precisions: tuple[str, ...] = ("float16", *(("bfloat16",) if native else ()), "float32")
        self._threads = local()
        for kind, read in _MEMORY.items():
            metrics.GPU_MEMORY.labels(kind).set_function(read)

    def put(self, array: NDArray[Any]) -> Any:
        """See Device; from pinned memory, which torch keeps until the copy has ended."""
        return torch.from_numpy(array).pin_memory().to(self.name, non_blocking=True)

    def get(self, tensors: tuple[Any, ...]) -> list[NDArray[Any]]:
        """See Device; the thread sleeps meanwhile instead of spinning, and holds no lock."""
        here = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in tensors]
        for target, tensor in zip(here, tensors, strict=True):
            target.copy_(tensor, non_blocking=True)
        done = torch.cuda.Event(blocking=True)
        done.record()
        done.synchronize()
        # Pinned memory goes back to torch, what callers keep does not.
        return [np.array(target.numpy()) for target in here]

    @contextmanager
    def running(self) -> Iterator[None]:
        """See Device."""
        if not hasattr(self._threads, "stream"):
            self._threads.stream = torch.cuda.Stream()
        with torch.inference_mode(), torch.cuda.stream(self._threads.stream):
            yield

    def free(self) -> None:
        """See Device."""
        torch.cuda.empty_cache()

    def peak_bytes(self, run: Callable[[], object]) -> int:
        """See Device."""
        # Also what makes weights, copied on another stream, visible to the sessions' own ones.
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return int(torch.cuda.max_memory_allocated() - before)


_MEMORY: dict[str, Callable[[], float]] = {
    "allocated": torch.cuda.memory_allocated,
    "reserved": torch.cuda.memory_reserved,
    "total": lambda: torch.cuda.mem_get_info()[1],
}


def opened(wanted: str) -> Device:
    """The device of a setting, `auto`, `cpu` or `cuda`; Unavailable, with what is missing, for CUDA in vain."""
    if wanted == "cpu":
        return CpuDevice()
    if torch.cuda.is_available():
        return _cuda()
    if wanted == "auto":
        return CpuDevice()
    raise missing(built=torch.version.cuda is not None, visible=os.environ.get("CUDA_VISIBLE_DEVICES"))


@cache
def _cuda() -> CudaDevice:
    """One for all models of a process: what they free in a thread's stream serves the next one there."""
    return CudaDevice()


def precisions(wanted: str) -> tuple[str, ...]:
    """What the device of a setting computes in, its default first; Unavailable as `opened`."""
    return opened(wanted).precisions


def missing(*, built: bool, visible: str | None) -> Unavailable:
    """Why there is no CUDA, as far as it can be told: torch's build, what is made visible, or the driver."""
    if not built:
        why = "the installed torch is a build without CUDA. Install one with it"
    elif visible is not None:
        why = (
            f"CUDA_VISIBLE_DEVICES is {visible!r}, which leaves no device that answers. Name one that nvidia-smi lists"
        )
    else:
        why = "no NVIDIA driver with a device answers. See whether nvidia-smi runs, and give the container the GPU"
    return Unavailable(f"LOREKEEP_DEVICE is cuda, but {why}, or set LOREKEEP_DEVICE to auto.", reason="device_missing")


def checked_precision(device: Device, wanted: str) -> str:
    """The precision of a setting, the device's own for `auto`; Unavailable for one that it does not compute in."""
    if wanted == "auto":
        return device.precisions[0]
    if wanted not in device.precisions:
        raise Unavailable(
            f"torch does not compute in {wanted} on this machine's {device.name}. Set LOREKEEP_PRECISION to one of "
            f"{', '.join(device.precisions)}, or auto.",
            reason="precision_missing",
        )
    return wanted
