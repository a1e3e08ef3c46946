"""How far a job has come, in a form that a later run can go on from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lorekeep.parser.v1.parser_pb2 import BatchEnd

_PREVIEW_CHARACTERS = 280


@dataclass(frozen=True)
class Checkpoint:
    """Counters over everything before a page batch's end, and the parser's state there.

    `chunks` is the ordinal of the next chunk, `segments` that of the next segment. `preview` is the beginning of the
    text. Once `complete`, all chunks are indexed and only the flip is left.
    """

    segments: int = 0
    elements: int = 0
    chunks: int = 0
    pages_done: int = 0
    pages_total: int = 0
    preview: str = ""
    complete: bool = False
    resume_state: bytes = b""

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> "Checkpoint":
        """The checkpoint in a job's row."""
        return cls(**job["checkpoint"], resume_state=bytes(job["resume_state"] or b""))

    def behind(self, batch: BatchEnd, elements: int, chunks: int) -> "Checkpoint":
        """The checkpoint at the end of the next batch; `elements` and `chunks` are counted from the beginning."""
        return replace(
            self,
            segments=self.segments + 1,
            elements=elements,
            chunks=chunks,
            pages_done=batch.pages_done,
            pages_total=batch.pages_total,
            preview=self.preview
            or " ".join(batch.segment.text[: 2 * _PREVIEW_CHARACTERS].split())[:_PREVIEW_CHARACTERS],
            resume_state=batch.resume_state,
        )

    def completed(self, chunks: int) -> "Checkpoint":
        """The checkpoint once the last chunk is indexed."""
        return replace(self, chunks=chunks, complete=True)

    def counters(self) -> dict[str, Any]:
        """What the row's `checkpoint` holds."""
        return {key: value for key, value in asdict(self).items() if key != "resume_state"}

    def progress(self) -> dict[str, int]:
        """What callers are told."""
        return {"pages_done": self.pages_done, "pages_total": self.pages_total, "chunks_indexed": self.chunks}
