"""The Python client of lorekeep's public HTTP API, and the `lorekeep` command."""
