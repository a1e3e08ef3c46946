"""Postgres: the pool, the named queries, the migrations."""
