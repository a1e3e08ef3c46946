"""Which format bytes are in, and text out of bytes."""
