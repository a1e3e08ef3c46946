"""Writes the table of all settings as Markdown: `python -m lorekeep_chassis.configuration > docs/configuration.md`.

The table is made from the settings classes that the port table names, so that it cannot be wrong.
"""

from importlib import import_module
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from lorekeep_chassis import ports
from lorekeep_chassis.settings import PREFIX, ServiceSettings, names

_HEAD = """# Settings

Made by `make docs` from the code; a test compares it. Each variable can be given as `..._FILE` naming a file that
holds the value. `LOREKEEP_<ROLE>_<FIELD>` goes over `LOREKEEP_<FIELD>`. A YAML file named by `LOREKEEP_CONFIG` may
hold the same fields in lower case; the environment goes over it. `OTEL_*` keep their standard meaning.
"""
_ROWS = "| variable | also | type | default | what it is |\n|---|---|---|---|---|"


def markdown() -> str:
    """The whole page."""
    shared = _table(ServiceSettings, "", set())
    own = set(ServiceSettings.model_fields)
    roles = [f"## {role.name}\n\n{_table(_kind(role), role.name, own)}" for role in ports.ROLES]
    return "\n".join([_HEAD, "## Every role\n", shared, *roles])


def _kind(role: ports.Role) -> type[ServiceSettings]:
    module, name = role.settings.split(":")
    kind: type[ServiceSettings] = getattr(import_module(module), name)
    return kind


def _table(kind: type[ServiceSettings], role: str, without: set[str]) -> str:
    fields = {name: field for name, field in kind.model_fields.items() if name not in without}
    return "\n".join([_ROWS, *(_row(name, field, role) for name, field in fields.items())]) + "\n"


def _row(name: str, field: FieldInfo, role: str) -> str:
    aliases = ", ".join(f"`{each}`" for each in names(name, role) if not each.startswith(PREFIX))
    default = "required" if field.is_required() else _shown(field.default)
    cells = [f"`{PREFIX}{name.upper()}`", aliases, _type(field.annotation), default, field.description or ""]
    return "| " + " | ".join(cells) + " |"


def _shown(value: object) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    return "none" if shown in ("", None) else f"`{shown}`"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(annotation))
    inner = [each for each in get_args(annotation) if each is not type(None)]
    if inner and get_origin(annotation) not in (tuple, list):
        return _type(inner[0])
    plain = {SecretStr: "secret", str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
    return plain.get(annotation, getattr(annotation, "__name__", str(annotation)))


if __name__ == "__main__":
    print(markdown(), end="")
