"""Settings of the gateway's two roles: the public HTTP side and the ingest side."""

from pydantic import Field, SecretStr

from lorekeep_chassis.settings import ServiceSettings

MEBIBYTE = 1024 * 1024


class StoreSettings(ServiceSettings):
    """What both roles read: stores and callees."""

    database_url: SecretStr = Field(description="Postgres, as postgresql://...; may go through PgBouncer.")
    database_direct_url: SecretStr | None = Field(None, description="Postgres past a pooler, for migrations.")
    db_pool_size: int = Field(8, ge=1, le=200, description="Most Postgres connections of one process.")
    redis_url: SecretStr | None = Field(None, description="Redis; losable, none when unset.")
    blobs_url: str = Field(description="Where blobs lie: file:///..., s3://..., gs://... or az://...")
    parser_target: str = Field("127.0.0.1:50051", description="gRPC target of the parser.")
    embedder_target: str = Field("127.0.0.1:50052", description="gRPC target of the embedder.")
    search_target: str = Field("127.0.0.1:50053", description="gRPC target of search.")
    parser_token: SecretStr = Field(description="Service token that the parser expects.")
    embedder_token: SecretStr = Field(description="Service token that the embedder expects.")
    search_token: SecretStr = Field(description="Service token that search expects.")
    embedding_model: str = Field("", description="Model for new generations; empty for the embedder's default.")
