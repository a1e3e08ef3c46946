"""The public HTTP side."""
