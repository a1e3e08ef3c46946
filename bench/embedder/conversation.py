"""A child process that answers a JSON line with a JSON line."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# One thread each, and nobody asks a hub: every contender of this bench runs with these.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}


class Conversation:
    """What is asked of a child."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._answer()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Waits for the answer; RuntimeError where the child has ended."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """Lines that are no JSON object, which libraries print as they like, are passed over."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()} instead of answering")


@contextmanager
def talking(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Conversation]:
    """Starts the child and ends it by its id."""
    environ = {**os.environ, **ONE_THREAD, **(environment or {})}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environ, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield Conversation(process)
        finally:
            process.kill()
