"""Fixtures of the gateway's tests."""

from tests.postgres import database_url, empty_database_url, postgres

__all__ = ["database_url", "empty_database_url", "postgres"]
