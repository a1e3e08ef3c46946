"""The embedded engine's own process. Nothing outside this package imports qdrant_edge.

The engine holds the interpreter's lock while it writes, so it must not share a process with anything that answers.
"""
