"""Which models there are, where their files lie, and which are loaded."""
