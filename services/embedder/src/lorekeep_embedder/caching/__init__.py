"""Vectors that are kept in Redis."""
