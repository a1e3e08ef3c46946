"""Settings of the search service."""

from pathlib import Path

from pydantic import Field, SecretStr

from lorekeep_chassis.settings import ServiceSettings


class SearchSettings(ServiceSettings):
    """What the search service reads beside what every role reads."""

    grpc_port: int = Field(50053, ge=0, le=65535, description="Port of the gRPC listener; 0 takes a free one.")
    search_token: SecretStr = Field(min_length=1, description="Service token that callers of search must send.")
    embedder_token: SecretStr = Field(min_length=1, description="Service token that search sends to the embedder.")
    embedder_target: str = Field("127.0.0.1:50052", description="Where the embedder listens, as a gRPC name.")
    qdrant_url: str = Field(
        "",
        description="URL of a Qdrant server, with its HTTP port; gRPC is taken to listen on the port above it. Empty "
        "for the embedded engine.",
    )
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="API key of the Qdrant server; empty for none.")
    index_path: Path = Field(Path(".lorekeep/index"), description="Directory of the embedded engine's index.")
    redis_url: SecretStr | None = Field(None, description="Redis that keeps query vectors; losable, none when unset.")
