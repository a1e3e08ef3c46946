"""The environment of each role: the caller's, less what is not this role's business, plus what the suite decides."""

from collections.abc import Mapping
from pathlib import Path

from lorekeep_chassis import ports, settings

_ALL_STORES = (
    "database_url",
    "database_direct_url",
    "redis_url",
    "qdrant_url",
    "qdrant_api_key",
    "blobs_url",
    "unstructured_api_url",
    "unstructured_api_key",
)

# Which stores, and which server that stands in for the parser, a role may know of.
STORES: dict[str, tuple[str, ...]] = {
    "gateway": ("database_url", "database_direct_url", "redis_url", "blobs_url"),
    "ingest": (
        "database_url",
        "database_direct_url",
        "redis_url",
        "blobs_url",
        "unstructured_api_url",
        "unstructured_api_key",
    ),
    "search": ("redis_url", "qdrant_url", "qdrant_api_key"),
    "embedder": ("redis_url",),
    "parser": (),
}

# What the suite proposes and the caller's environment may say otherwise, by role.
_PROPOSED = {"parser": ("temp_dir",), "embedder": ("models_path",), "search": ("index_path",)}
# Shorter than the time that the supervisor gives a stage, so that a role ends by itself.
_DRAIN_SECONDS = "20"


def is_given(field: str, role: str, environ: Mapping[str, str]) -> bool:
    """Whether the caller's environment sets a field, under any of its names or as a file."""
    return any(name in environ for name in _names(field, role))


def of_role(
    role: str, environ: Mapping[str, str], values: Mapping[str, str], folders: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a process of `role`.

    `values` are settings that the suite decides, so every other name of theirs is taken out; a store is decided by the
    caller where the caller gives one. `folders` are proposals, made where the caller has no other. Tokens of roles that
    it does not call, and stores that are not its business, are not handed on.
    """
    decided = {field: value for field, value in values.items() if field not in STORES[role] or _open(field, environ)}
    proposed = {field: folders[field] for field in _PROPOSED.get(role, ()) if not is_given(field, role, environ)}
    tokens = [f"{each.name}_token" for each in ports.ROLES]
    foreign = [field for field in _ALL_STORES if field not in STORES[role]]
    withheld = {name for field in (*decided, *tokens, *foreign) for name in _names(field, role)}
    for folder in proposed.values():
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_given("drain_seconds", role, environ):
        proposed["drain_seconds"] = _DRAIN_SECONDS
    own = {f"{settings.PREFIX}{field.upper()}": value for field, value in (decided | proposed).items()}
    kept = {name: value for name, value in environ.items() if name not in withheld}
    return kept | own | {"PYTHONUNBUFFERED": "1"}


def _open(field: str, environ: Mapping[str, str]) -> bool:
    return not any(is_given(field, role.name, environ) for role in ports.ROLES)


def _names(field: str, role: str) -> list[str]:
    return [form for name in settings.names(field, role) for form in (name, f"{name}_FILE")]
