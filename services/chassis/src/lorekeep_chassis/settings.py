"""Settings: environment over an optional YAML file over defaults, typed and checked, read once in `__main__`.

A field `grpc_port` is `LOREKEEP_GRPC_PORT`, or the content of the file that `LOREKEEP_GRPC_PORT_FILE` names; giving
both is an error. Where two roles of one host differ, `LOREKEEP_<ROLE>_GRPC_PORT` goes first. The YAML file is named
by `LOREKEEP_CONFIG` and holds the same fields in lower case.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from lorekeep_chassis import ports

PREFIX = "LOREKEEP_"

# Names that deployment guides use, accepted beside LOREKEEP_<FIELD>. Closed: a name that is not here is not read.
ALIASES = {
    "DATABASE_URL": "database_url",
    "DATABASE_DIRECT_URL": "database_direct_url",
    "REDIS_URL": "redis_url",
    "QDRANT_URL": "qdrant_url",
    "QDRANT_API_KEY": "qdrant_api_key",
    "UNSTRUCTURED_API_URL": "unstructured_api_url",
    "UNSTRUCTURED_API_KEY": "unstructured_api_key",
    "BLOBS_URL": "blobs_url",
    "EMBEDDING_MODEL": "embedding_model",
    "DEFAULT_EMBEDDING_MODEL": "embedding_model",
    "EMBEDDING_DIMENSIONS": "embedding_dimensions",
    "DEFAULT_QUANTIZATION": "precision",
    "LOG_LEVEL": "log_level",
    "LOG_FORMAT": "log_format",
    "ENVIRONMENT": "environment",
    "APP_ENV": "environment",
    "MAX_FILE_SIZE": "max_file_size",
    "MAX_TEXT_CHARS": "max_text_chars",
    "PROCESSING_TIMEOUT": "processing_timeout_seconds",
    "CONCURRENT_PROCESSES": "concurrent_processes",
    "TEMP_DIR": "temp_dir",
    "QUERY_TIMEOUT": "query_timeout_seconds",
    "DB_POOL_SIZE": "db_pool_size",
    "DB_MAX_OVERFLOW": "db_max_overflow",
    "DB_POOL_TIMEOUT": "db_pool_timeout",
    "DB_POOL_RECYCLE": "db_pool_recycle",
    "DB_POOL_PRE_PING": "db_pool_pre_ping",
    "ALLOWED_HOSTS": "allowed_hosts",
    "CHUNK_SIZE": "chunk_max_tokens",
    "CHUNK_MAX_TOKENS": "chunk_max_tokens",
    "CHUNK_OVERLAP": "chunk_overlap_tokens",
    "CHUNK_MIN_TOKENS": "chunk_min_tokens",
    "CHUNK_MERGE_PEERS": "chunk_merge_peers",
    "PROMETHEUS_PORT": "metrics_port",
    "PROMETHEUS_ENABLED": "metrics_enabled",
}

_SAMPLES = frozenset({"changeme", "change-me", "secret", "password", "example", "test", "default"})


class SettingsError(Exception):
    """Everything that is wrong with the settings, in one message."""


class ServiceSettings(BaseModel):
    """What every role reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["development", "production"] = Field(
        "development", description="`production` refuses weak secrets and sample values."
    )
    host: str = Field("127.0.0.1", description="Address that listeners bind to.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of metrics and probes; 0 takes a free one.")
    metrics_enabled: bool = Field(True, description="Serve /metrics beside the probes.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Level of lorekeep's logs.")
    log_format: Literal["json", "text"] = Field("json", description="`json` lines, or `text` for reading along.")
    drain_seconds: float = Field(30.0, gt=0, le=300, description="Time that SIGTERM leaves for work in hand.")

    @field_validator("redis_url", check_fields=False)
    @classmethod
    def _of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        """For the roles that have one; what Redis's package says to another comes when it is too late."""
        if url and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(kind: type[SettingsT], role: str, environ: Mapping[str, str]) -> SettingsT:
    """Builds the settings of a role; SettingsError names every problem at once."""
    problems: list[str] = []
    values = {"metrics_port": ports.role(role).metrics_port, **_of_file(environ, kind, problems)}
    for field in kind.model_fields:
        value = given(field, role, environ, problems)
        if value is not None:
            values[field] = value
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        problems += [f"{_variable(each['loc'])}: {each['msg']}" for each in error.errors(include_input=False)]
        raise SettingsError(_message(role, problems)) from None
    problems += _weak_secrets(settings)
    if problems:
        raise SettingsError(_message(role, problems))
    return settings


def names(field: str, role: str) -> tuple[str, ...]:
    """The environment variables that set a field, the first that is given counts."""
    own = (f"{PREFIX}{role.upper()}_{field.upper()}", f"{PREFIX}{field.upper()}")
    return own + tuple(alias for alias, target in ALIASES.items() if target == field)


def given(field: str, role: str, environ: Mapping[str, str], problems: list[str]) -> str | None:
    """What the environment gives a field, under any of its names or as a file; what is wrong joins `problems`."""
    for name in names(field, role):
        plain, path = environ.get(name), environ.get(f"{name}_FILE")
        if plain is not None and path is not None:
            problems.append(f"{name}: given both as {name} and as {name}_FILE; give one")
        if plain is not None:
            return plain
        if path is not None:
            return _content(name, path, problems)
    return None


def _content(name: str, path: str, problems: list[str]) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        problems.append(f"{name}_FILE: cannot be read ({error.strerror})")
        return None


def _of_file(environ: Mapping[str, str], kind: type[SettingsT], problems: list[str]) -> dict[str, object]:
    """The YAML file is shared by all roles, so fields of another role are passed over."""
    path = environ.get(f"{PREFIX}CONFIG")
    if not path:
        return {}
    try:
        loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        problems.append(f"{PREFIX}CONFIG: cannot be read ({type(error).__name__})")
        return {}
    if not isinstance(loaded, dict):
        problems.append(f"{PREFIX}CONFIG: must hold a mapping of settings")
        return {}
    return {str(key): value for key, value in loaded.items() if key in kind.model_fields}


def _weak_secrets(settings: ServiceSettings) -> list[str]:
    if settings.environment != "production":
        return []
    secrets = [(f, v.get_secret_value()) for f, v in settings if isinstance(v, SecretStr) and f.endswith("_token")]
    return [
        f"{_variable((field,))}: too weak for production; give at least 32 random characters (openssl rand -hex 32)"
        for field, value in secrets
        if len(value) < 32 or value.lower() in _SAMPLES or len(set(value)) < 8
    ]


def _variable(location: tuple[int | str, ...]) -> str:
    return f"{PREFIX}{str(location[0]).upper()}" if location else PREFIX.rstrip("_")


def _message(role: str, problems: list[str]) -> str:
    lines = "\n".join(f"  - {each}" for each in problems)
    return f"{role} cannot start, its settings are wrong:\n{lines}"
