"""What the embedder reads from its environment."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator

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
    sessions: int = Field(0, ge=0, le=256, description="Batches computed side by side on a CPU; 0 = one per core.")

    @field_validator("embedding_model")
    @classmethod
    def _known(cls, name: str) -> str:
        known = list(registry.load())
        if name and name not in known:
            raise ValueError(f"the registry has no such model; it has {', '.join(known)}")
        return name or known[0]
