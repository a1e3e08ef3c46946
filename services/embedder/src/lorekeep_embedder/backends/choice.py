"""Which backend runs: the one asked for, or the one that fits this machine."""

from contextlib import suppress
from importlib import util
from pathlib import Path

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import cores, graph_cache
from lorekeep_embedder.backends.seam import Backend
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings

_CUDA_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


def opened(settings: EmbedderSettings, spec: ModelSpec, folder: Path) -> Backend:
    """Loads the model in `folder`; slow and blocking. Unavailable, with what to do, where it cannot."""
    sessions = settings.sessions or cores.usable()
    if settings.backend == "torch" or (settings.backend == "auto" and _cuda_is_likely() and _cuda_works()):
        return _torch(folder, sessions)
    return _onnx_runtime(settings, spec, folder, sessions)


def _onnx_runtime(settings: EmbedderSettings, spec: ModelSpec, folder: Path, sessions: int) -> Backend:
    from lorekeep_embedder.backends.onnx_runtime import OnnxRuntimeBackend

    graph = graph_cache.graph_of(spec, folder, settings.models_path)
    try:
        return OnnxRuntimeBackend(graph, sessions)
    except Exception:
        # Whatever a damaged file makes ONNX Runtime raise: without the file the next try builds it again.
        with suppress(OSError):
            graph.unlink()
        raise


def _torch(folder: Path, sessions: int) -> Backend:
    if not (util.find_spec("torch") and util.find_spec("sentence_transformers")):
        raise Unavailable(
            "LOREKEEP_BACKEND is torch, but torch and sentence-transformers are not installed. Install them, or set "
            "it to onnxruntime.",
            reason="backend_missing",
        )
    from lorekeep_embedder.backends.sentence_transformer import TorchBackend

    return TorchBackend(folder, sessions)


def _cuda_is_likely() -> bool:
    """Told without importing torch, which costs a CPU-only process 300 MB: a driver, and a torch built for it."""
    found = util.find_spec("torch")
    places = (found.submodule_search_locations or ()) if found else ()
    built = any((Path(place) / "lib" / "libtorch_cuda.so").exists() for place in places)
    return built and any(device.exists() for device in _CUDA_DEVICES)


def _cuda_works() -> bool:
    import torch

    return bool(util.find_spec("sentence_transformers")) and torch.cuda.is_available()
