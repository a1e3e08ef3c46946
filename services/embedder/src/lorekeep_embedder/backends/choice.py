"""Which backend runs: the one asked for, or the one that fits this machine."""

from contextlib import suppress
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import cores, graph_cache
from lorekeep_embedder.backends.seam import Backend
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings

# While one batch runs on the device, the next one's texts are padded, copied and handed out.
_CUDA_SESSIONS = 2
_CUDA_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


@dataclass(frozen=True)
class Plan:
    """What this process computes with: a backend's name, and how many batches side by side.

    `device` and `compiled` are for torch: the setting as it is, and whether torch.compile is used.
    """

    backend: str
    sessions: int
    device: str = "auto"
    compiled: bool = False


def planned(settings: EmbedderSettings) -> Plan:
    """What the settings and this machine make of it; looked at once, at the start."""
    wanted = settings.backend in ("auto", "torch") and settings.device != "cpu"
    on_cuda = wanted and _cuda_is_likely() and _cuda_works()
    # Who asks for CUDA gets torch, which says what is missing where there is none.
    fitting = "torch" if on_cuda or settings.device == "cuda" else "onnxruntime"
    backend = fitting if settings.backend == "auto" else settings.backend
    sessions = settings.sessions or (_CUDA_SESSIONS if on_cuda else cores.usable())
    return Plan(backend, sessions, settings.device, settings.compile)


def precisions(plan: Plan) -> tuple[str, ...]:
    """What can be computed here, the default first."""
    if plan.backend != "torch":
        return ("float32",)
    _need_torch()
    from lorekeep_embedder.backends.torch import devices

    return devices.precisions(plan.device)


def opened(plan: Plan, spec: ModelSpec, folder: Path, models_path: str, precision: str = "") -> Backend:
    """Loads the model in `folder`; slow and blocking. Unavailable, with what to do, where it cannot."""
    return (
        _torch(plan, spec, folder, precision) if plan.backend == "torch" else _onnx_runtime(spec, folder, models_path)
    )


def _onnx_runtime(spec: ModelSpec, folder: Path, models_path: str) -> Backend:
    from lorekeep_embedder.backends.onnx_runtime import OnnxRuntimeBackend

    graph = graph_cache.graph_of(spec, folder, models_path)
    try:
        return OnnxRuntimeBackend(graph)
    except Exception:
        # Whatever a damaged file makes ONNX Runtime raise: without the file the next try builds it again.
        with suppress(OSError):
            graph.unlink()
        raise


def _torch(plan: Plan, spec: ModelSpec, folder: Path, precision: str) -> Backend:
    _need_torch()
    from lorekeep_embedder.backends.torch.backend import TorchBackend
    from lorekeep_embedder.backends.torch.models import Form

    return TorchBackend(
        folder,
        Form.of(spec),
        device=plan.device,
        precision=precision or "auto",
        compiled=plan.compiled,
        sessions=plan.sessions,
    )


def _need_torch() -> None:
    if not (util.find_spec("torch") and util.find_spec("sentence_transformers")):
        raise Unavailable(
            "LOREKEEP_BACKEND is torch, or LOREKEEP_DEVICE is cuda, but torch and sentence-transformers are not "
            "installed. Install them, or set both to auto.",
            reason="backend_missing",
        )


def _cuda_is_likely() -> bool:
    """Told without importing torch, which costs a CPU-only process 300 MB: a driver, and a torch built for it."""
    found = util.find_spec("torch")
    places = (found.submodule_search_locations or ()) if found else ()
    built = any((Path(place) / "lib" / "libtorch_cuda.so").exists() for place in places)
    return built and any(device.exists() for device in _CUDA_DEVICES)


def _cuda_works() -> bool:
    import torch

    return bool(util.find_spec("sentence_transformers")) and torch.cuda.is_available()
