"""Subcommands that the gateway adds to `lorekeep`: the schema and administration."""

from lorekeep_gateway.admin_commands import admin
from lorekeep_gateway.schema_commands import db

__all__ = ["admin", "db"]
