"""What the builder says when it cannot build, and how it says it to the process that serves."""

UNSUPPORTED, CORRUPT = "model_unsupported", "model_corrupt"


class Refused(Exception):
    """No graph can be made of these files; the message says why and what to do."""

    def __init__(self, message: str, reason: str = CORRUPT) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


def unsupported(what: str) -> Refused:
    """Files that are in order, but of a kind that only torch computes."""
    return Refused(f"No graph can be built for {what}. Serve it with LOREKEEP_BACKEND=torch.", UNSUPPORTED)
