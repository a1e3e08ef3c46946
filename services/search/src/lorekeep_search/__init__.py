"""Search: the owner of the index."""
