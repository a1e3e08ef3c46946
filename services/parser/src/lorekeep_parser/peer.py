"""Who gets a child's answers, as the child's work sees it."""

from typing import Protocol


class Peer(Protocol):
    """The gRPC process, or a test."""

    def respond(self, message: bytes) -> None:
        """Takes a serialised response."""
        ...

    def request(self) -> bytes | None:
        """The next serialised segment; None when there are no more."""
        ...

    def vectors(self) -> bytes:
        """The serialised vectors of the texts that were asked for last."""
        ...
