"""What the embedder reads from its environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from lorekeep_chassis.settings import ServiceSettings
from lorekeep_embedder.backends.seam import MOST_BATCH_TOKENS
from lorekeep_embedder.models import registry

_PRECISIONS = {
    "openvino": ("bfloat16", "float32"),
    "onnxruntime": ("float32", "int8"),
    "torch": ("float16", "bfloat16", "float32"),
}


class EmbedderSettings(ServiceSettings):
    """Settings of the embedder, beside those of every role."""

    grpc_port: int = Field(50052, ge=0, le=65535, description="Port of the gRPC listener; 0 takes a free one.")
    embedder_token: SecretStr = Field(min_length=1, description="Service token that callers must send.")
    models_path: str = Field(
        "",
        description="Directory of model folders, by name, of the graphs built from them, and of your own models.yaml; "
        "empty for the cache.",
    )
    embedding_model: str = Field(
        "", validate_default=True, description="Model to serve, a name of the registry; empty for its first."
    )
    embedding_dimensions: int = Field(
        0, ge=0, validate_default=True, description="Numbers a vector that the model must have; 0 checks nothing."
    )
    models_memory_mb: int = Field(
        0, ge=0, description="Memory for all loaded models in MiB; the longest unused make room. 0 sets no bound."
    )
    backend: Literal["auto", "openvino", "onnxruntime", "torch"] = Field(
        "auto",
        description="What computes: `auto` takes torch where it finds CUDA, openvino where the CPU has bfloat16, else "
        "onnxruntime.",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = Field(
        "auto",
        description="Number format to compute in: `auto` takes bfloat16 in openvino, float32 in onnxruntime, half "
        "precision on CUDA. int8 is for onnxruntime: quicker, but a vector then depends on what else is in its batch.",
    )
    rerank_model: str = Field(
        "",
        description="Reranker where a caller names none; empty for the registry's first that is here, `off` for none.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where it computes: `auto` takes CUDA where it is; CUDA_VISIBLE_DEVICES says which device."
    )
    compile: bool = Field(False, description="torch.compile on the torch backend: a slow start, then quicker batches.")
    sessions: int = Field(0, ge=0, le=256, description="Batches computed side by side; 0 = one per core, 2 on CUDA.")

    batch_tokens: int = Field(
        0, ge=0, le=MOST_BATCH_TOKENS, description="Most tokens in a batch, padding included; 0 = measured at warm-up."
    )
    redis_url: SecretStr | None = Field(None, description="Redis that keeps vectors; losable, none when unset.")
    vector_cache: Literal["off", "interactive", "all"] = Field(
        "interactive", description="Whose vectors are kept in Redis: nobody's, the interactive lane's, everybody's."
    )
    vector_cache_seconds: int = Field(
        30 * 24 * 3600, ge=1, le=365 * 24 * 3600, description="Time for which Redis keeps a vector."
    )

    @field_validator("models_path")
    @classmethod
    def _readable(cls, path: str) -> str:
        registry.load(path)
        return path

    @field_validator("embedding_model")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        known = registry.load(info.data.get("models_path", ""))
        spec = registry.find(known, name) if name else next(iter(known.values()))
        if spec is None or spec.kind != "embedder":
            names = ", ".join(each.name for each in known.values() if each.kind == "embedder")
            raise ValueError(f"the registry has no such model; it has {names}")
        return spec.name

    @field_validator("embedding_dimensions")
    @classmethod
    def _fitting(cls, dimensions: int, info: ValidationInfo) -> int:
        if not dimensions or "embedding_model" not in info.data:
            return dimensions
        spec = registry.load(info.data.get("models_path", ""))[info.data["embedding_model"]]
        if dimensions != spec.dimensions:
            raise ValueError(f"{spec.name} makes {spec.dimensions} numbers a vector, not {dimensions}; change one")
        return dimensions

    @model_validator(mode="after")
    def _computed_somewhere(self) -> Self:
        """Refuses what no machine computes; whether this one can is told when a model is loaded."""
        if self.device == "cuda" and self.backend not in ("auto", "torch"):
            raise ValueError(f"LOREKEEP_DEVICE is cuda, but the backend {self.backend} computes on the CPU alone")
        backend = "torch" if self.device == "cuda" else self.backend
        if backend != "auto" and self.precision not in ("auto", *_PRECISIONS[backend]):
            raise ValueError(
                f"the backend {backend} does not compute in {self.precision}; set LOREKEEP_PRECISION to one of "
                f"{', '.join(_PRECISIONS[backend])}, or auto"
            )
        if self.compile and backend in ("openvino", "onnxruntime"):
            raise ValueError(f"LOREKEEP_COMPILE is for the backend torch, and LOREKEEP_BACKEND is {backend}")
        return self
