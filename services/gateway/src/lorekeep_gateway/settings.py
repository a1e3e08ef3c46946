"""Settings of the gateway's two roles: the public HTTP side and the ingest side."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from lorekeep_chassis.settings import ServiceSettings
from lorekeep_gateway.outbound.addresses import Allowed

MEBIBYTE = 1024 * 1024
_SIZE = re.compile(r"(\d+)\s*(|B|KI?B?|MI?B?|GI?B?)", re.IGNORECASE)
_UNITS = {"": 1, "B": 1, "K": 1024, "M": MEBIBYTE, "G": 1024 * MEBIBYTE}


class StoreSettings(ServiceSettings):
    """What both roles read: stores and callees."""

    database_url: SecretStr = Field(description="Postgres, as postgresql://...; may go through PgBouncer.")
    database_direct_url: SecretStr | None = Field(None, description="Postgres past a pooler, for migrations.")
    db_pool_size: int = Field(20, ge=1, le=200, description="Connections to Postgres that one process keeps.")
    db_max_overflow: int = Field(10, ge=0, le=200, description="Connections beyond, closed when given back.")
    db_pool_timeout: float = Field(30, gt=0, le=300, description="Longest wait for a connection, in seconds.")
    db_pool_recycle: float = Field(3600, gt=0, description="Age in seconds at which a connection is replaced.")
    db_pool_pre_ping: bool = Field(True, description="Ask an idle connection whether it lives before it is used.")
    redis_url: SecretStr | None = Field(None, description="Redis; losable, none when unset.")
    blobs_url: str = Field(description="Where blobs lie: file:///..., s3://..., gs://... or az://...")
    parser_target: str = Field("127.0.0.1:50051", description="gRPC target of the parser.")
    embedder_target: str = Field("127.0.0.1:50052", description="gRPC target of the embedder.")
    search_target: str = Field("127.0.0.1:50053", description="gRPC target of search.")
    parser_token: SecretStr = Field(description="Service token that the parser expects.")
    embedder_token: SecretStr = Field(description="Service token that the embedder expects.")
    search_token: SecretStr = Field(description="Service token that search expects.")
    embedding_model: str = Field("", description="Model for new generations; empty for the embedder's default.")
    chunk_max_tokens: int = Field(
        512, ge=16, le=2048, description="Longest chunk in tokens, as far as the model's window goes."
    )
    chunk_overlap_tokens: int = Field(50, ge=0, le=1023, description="Tokens that a chunk repeats of the one before.")
    chunk_min_tokens: int = Field(
        128,
        ge=1,
        le=2048,
        description="Shorter chunks are joined with their neighbours; at most a quarter of the longest.",
    )
    chunk_merge_peers: bool = Field(True, description="Join short chunks of a section; `false` leaves them alone.")
    outbound_allowed: str = Field(
        "", description="Hosts, addresses or networks by commas that URLs of users may lead to though not public."
    )

    @field_validator("outbound_allowed")
    @classmethod
    def _of_hosts_and_networks(cls, text: str) -> str:
        Allowed.of_text(text)
        return text


def _bytes(value: object) -> object:
    """`50MB`, `50 MiB` or a number of bytes; MB and MiB are both 1024 x 1024."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(match[1]) * _UNITS[(match[2] or "").upper()[:1]] if match else value


class GatewaySettings(StoreSettings):
    """What the public HTTP role reads."""

    http_port: int = Field(8000, ge=0, le=65535, description="Port of public HTTP; 0 takes a free one.")
    listen_fd: int = Field(
        -1, ge=-1, description="Inherited listening socket, shared by several gateways; -1 for none."
    )
    auth: Literal["on", "off"] = Field("on", description="`off` serves callers of this machine without a key.")
    max_file_size: Annotated[int, BeforeValidator(_bytes)] = Field(
        50 * MEBIBYTE, ge=1, le=90 * MEBIBYTE, description="Largest file, as bytes or like 50MB."
    )
    queue_limit_jobs: int = Field(
        100_000, ge=1, le=1_000_000, description="Most jobs of an organisation that wait; more uploads are refused."
    )
    upload_expiry_seconds: float = Field(
        86_400.0, gt=0, le=2_592_000, description="Time to complete an upload in parts."
    )
    max_text_chars: int = Field(1_000_000, ge=1, le=10_000_000, description="Longest inline text in characters.")
    query_timeout_seconds: float = Field(30.0, gt=0, le=300, description="Time that a request may take.")
    max_concurrent_queries: int = Field(100, ge=1, le=10_000, description="Searches at once, more are refused.")
    max_job_followers: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Event streams and long polls of jobs at once, more are refused.",
    )
    access_log: bool = Field(True, description="Log every request but probes, by route, status and time.")
    allowed_hosts: str = Field("*", description="Host names that are served, by commas; `*` for all.")

    @model_validator(mode="after")
    def _without_keys_only_here(self) -> "GatewaySettings":
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(
                "auth=off needs a loopback host (LOREKEEP_HOST=127.0.0.1); switch auth on to listen elsewhere"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
