"""The shapes of public HTTP, one module a noun, each with its conversion."""
