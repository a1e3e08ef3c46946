"""What the embedder reads from its environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from lorekeep_chassis.settings import ServiceSettings
from lorekeep_embedder import registry


class EmbedderSettings(ServiceSettings):
    """Settings of the embedder, beside those of every role."""

    grpc_port: int = Field(50052, ge=0, le=65535, description="Port of the gRPC listener; 0 takes a free one.")
    embedder_token: SecretStr = Field(min_length=1, description="Service token that callers must send.")
    embedding_model: str = Field(
        "", validate_default=True, description="Model to serve, a name of the registry; empty for its first."
    )
    models_path: str = Field(
        "", description="Directory of model folders, by name, and of the graphs built from them; empty for the cache."
    )
    backend: Literal["auto", "onnxruntime", "torch"] = Field(
        "auto", description="What computes: `auto` takes torch where it finds CUDA, else onnxruntime."
    )
    redis_url: SecretStr | None = Field(None, description="Redis that keeps vectors; losable, none when unset.")
    vector_cache: Literal["off", "interactive", "all"] = Field(
        "interactive", description="Whose vectors are kept in Redis: nobody's, the interactive lane's, everybody's."
    )
    vector_cache_seconds: int = Field(
        30 * 24 * 3600, ge=1, le=365 * 24 * 3600, description="Time for which Redis keeps a vector."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where it computes: `auto` takes CUDA where it is; CUDA_VISIBLE_DEVICES says which device."
    )
    compile: bool = Field(False, description="torch.compile on the torch backend: a slow start, then quicker batches.")
    sessions: int = Field(0, ge=0, le=256, description="Batches computed side by side; 0 = one per core, 2 on CUDA.")

    @field_validator("embedding_model")
    @classmethod
    def _known(cls, name: str) -> str:
        known = list(registry.load())
        if name and name not in known:
            raise ValueError(f"the registry has no such model; it has {', '.join(known)}")
        return name or known[0]

    @model_validator(mode="after")
    def _device_of_backend(self) -> Self:
        if self.device == "cuda" and self.backend not in ("auto", "torch"):
            raise ValueError(f"LOREKEEP_DEVICE is cuda, but the backend {self.backend} computes on the CPU alone")
        return self
