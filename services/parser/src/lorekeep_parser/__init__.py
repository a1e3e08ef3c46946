"""The parser: bytes to elements to chunks, each document in a child process of its own."""
