"""Which backend runs, and in which precision: what was asked for, or what fits this machine."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from lorekeep_chassis import logs
from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import cores
from lorekeep_embedder.backends import graph_cache
from lorekeep_embedder.backends.seam import Backend
from lorekeep_embedder.graph.recipe import FLOAT32, INT8, Recipe
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings

_LOG = logs.logger(__name__)
# While one batch runs on the device, the next one's texts are padded, copied and handed out.
_CUDA_SESSIONS = 2
_CUDA_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_AUTO, _BFLOAT16 = "auto", "bfloat16"


@dataclass(frozen=True)
class Plan:
    """What this process computes with, and how many batches side by side.

    `precision` is the one of a model that is loaded without naming another; `others` are possible beside it. Of torch
    both are what its device offers, which is asked when a model is loaded; `device` is then the setting as it is, and
    `compiled` whether torch.compile is used.
    """

    backend: str
    sessions: int
    device: str = "cpu"
    precision: str = FLOAT32
    others: tuple[str, ...] = ()
    compiled: bool = False


def planned(settings: EmbedderSettings) -> Plan:
    """What the settings and this machine make of it; looked at once, at the start."""
    wanted = settings.backend in (_AUTO, "torch") and settings.device != "cpu"
    on_cuda = wanted and _cuda_is_likely() and _cuda_works()
    # Who asks for CUDA gets torch, which says what is missing where there is none.
    if on_cuda or settings.device == "cuda" or settings.backend == "torch":
        sessions = settings.sessions or (_CUDA_SESSIONS if on_cuda else cores.usable())
        return Plan("torch", sessions, settings.device, settings.precision, compiled=settings.compile)
    return _on_cpu(settings)


def _on_cpu(settings: EmbedderSettings) -> Plan:
    """bfloat16 with OpenVINO where the processor has it, float32 with ONNX Runtime elsewhere; int8 when it is named."""
    has_openvino = bool(util.find_spec("openvino"))
    halves = cores.has_bfloat16()
    backend = settings.backend
    if backend == _AUTO:
        backend = "openvino" if has_openvino and halves and settings.precision != INT8 else "onnxruntime"
    known = [_BFLOAT16] if backend == "openvino" and halves else []
    known += [FLOAT32, INT8] if backend == "onnxruntime" or settings.backend == _AUTO else [FLOAT32]
    default = known[0] if settings.precision == _AUTO else settings.precision
    others = tuple(each for each in known if each != default)
    return Plan(backend, settings.sessions or cores.usable(), "cpu", default, others)


def precisions(plan: Plan) -> Sequence[str]:
    """What a model can be computed in here, the default first."""
    if plan.backend != "torch":
        return (plan.precision, *plan.others)
    _need_torch()
    from lorekeep_embedder.backends.torch import devices

    offered = devices.precisions(plan.device)
    return offered if plan.precision == _AUTO else tuple(dict.fromkeys((plan.precision, *offered)))


def opened(plan: Plan, spec: ModelSpec, folder: Path, models_path: str, precision: str = "") -> Backend:
    """Loads the model in `folder`, in the plan's precision or another; slow and blocking.

    Unavailable, with what to do, where it cannot.
    """
    wanted = precision or plan.precision
    if plan.backend == "torch":
        backend = _torch(plan, spec, folder, wanted)
    elif wanted == INT8 and INT8 in precisions(plan):
        backend = _onnx_runtime(spec, folder, models_path, wanted)
    elif plan.backend == "openvino":
        backend = _openvino(plan, spec, folder, models_path, wanted)
    else:
        backend = _onnx_runtime(spec, folder, models_path, wanted)
    _LOG.info("%s is computed by %s on %s in %s", spec.name, backend.name, backend.device, backend.precision)
    return backend


def _onnx_runtime(spec: ModelSpec, folder: Path, models_path: str, precision: str) -> Backend:
    _check("onnxruntime", precision, (FLOAT32, INT8))
    from lorekeep_embedder.backends.onnx_runtime import OnnxRuntimeBackend

    recipe = Recipe.of(spec, precision)
    return _of_graph(spec, folder, models_path, recipe, lambda graph: OnnxRuntimeBackend(graph, precision))


def _openvino(plan: Plan, spec: ModelSpec, folder: Path, models_path: str, precision: str) -> Backend:
    if not util.find_spec("openvino"):
        raise Unavailable(
            "LOREKEEP_BACKEND is openvino, but openvino is not installed. Install it, or set it to onnxruntime.",
            reason="backend_missing",
        )
    _check("openvino", precision, (_BFLOAT16, FLOAT32) if cores.has_bfloat16() else (FLOAT32,))
    from lorekeep_embedder.backends.openvino import OpenVinoBackend

    recipe = Recipe.of(spec)
    return _of_graph(
        spec,
        folder,
        models_path,
        recipe,
        lambda graph: OpenVinoBackend(graph, precision, plan.sessions, spec.window_tokens),
    )


def _of_graph(
    spec: ModelSpec, folder: Path, models_path: str, recipe: Recipe, made: Callable[[Path], Backend]
) -> Backend:
    graph = graph_cache.graph_of(spec, folder, models_path, recipe)
    try:
        return made(graph)
    except Unavailable:
        raise
    except Exception:
        # Whatever a damaged file makes a runtime raise: without the file the next try builds it again.
        with suppress(OSError):
            graph.unlink()
        raise


def _check(backend: str, precision: str, known: Sequence[str]) -> None:
    if precision not in known:
        raise Unavailable(
            f"{backend} does not compute in {precision} on this machine. Set LOREKEEP_PRECISION to one of "
            f"{', '.join(known)}, or auto.",
            reason="precision_missing",
        )


def _torch(plan: Plan, spec: ModelSpec, folder: Path, precision: str) -> Backend:
    _need_torch()
    from lorekeep_embedder.backends.torch.backend import TorchBackend
    from lorekeep_embedder.backends.torch.models import Form

    return TorchBackend(
        folder,
        Form.of(spec),
        device=plan.device,
        precision=precision,
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
