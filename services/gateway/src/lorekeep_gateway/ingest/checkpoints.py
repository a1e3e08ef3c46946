"""How far a job has come, in a form that a later run can go on from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from lorekeep.document.v1.document_pb2 import Properties, Verdict
from lorekeep.parser.v1.parser_pb2 import BatchEnd

_PREVIEW_CHARACTERS = 280


@dataclass(frozen=True)
class Kept:
    """What of a document was read and lies in the blob store: counters behind the last segment, the parser's state
    there.

    `preview` is the beginning of the text, `properties` what the document says of itself. `verdict` is there once all
    of it was read and every chunk lies in a segment, so that the parser need not be asked again. `anew`: the index may
    hold chunks of an earlier reading, which nothing goes on from.
    """

    segments: int = 0
    elements: int = 0
    chunks: int = 0
    pages_done: int = 0
    pages_total: int = 0
    preview: str = ""
    verdict: Mapping[str, Any] | None = None
    properties: Mapping[str, Any] | None = None
    state: bytes = b""
    anew: bool = False

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> "Kept":
        """As the job's row has it."""
        return cls(**_known(cls, job["parsed"]), state=bytes(job["parse_state"] or b""))

    def behind(self, batch: BatchEnd, elements: int, chunks: int) -> "Kept":
        """The same at the end of the next batch, which has so many elements and chunks."""
        return replace(
            self,
            segments=self.segments + 1,
            elements=self.elements + elements,
            chunks=self.chunks + chunks,
            pages_done=batch.pages_done,
            pages_total=batch.pages_total,
            preview=self.preview or preview_of(batch.segment.text),
            state=batch.resume_state,
        )

    def finished(self, verdict: Verdict, properties: Properties) -> "Kept":
        """The same once nothing is left to be read."""
        verdict_told, told = (MessageToDict(each, preserving_proto_field_name=True) for each in (verdict, properties))
        return replace(self, verdict=verdict_told, properties=told)

    def told(self) -> Verdict:
        """The verdict; only once it is there."""
        return ParseDict(dict(self.verdict or {}), Verdict())

    def counters(self) -> dict[str, Any]:
        """What the row's `parsed` holds."""
        return {key: value for key, value in asdict(self).items() if key != "state"}

    def progress(self) -> dict[str, int | None]:
        """What callers are told of the reading."""
        total = None if self.verdict is None else self.chunks
        return {
            "pages_done": self.pages_done,
            "pages_total": self.pages_total,
            "chunks_done": self.chunks,
            "chunks_total": total,
        }


@dataclass(frozen=True)
class Checkpoint:
    """What is in the index: the chunks before the ordinal `chunks`, among them all of the first `segments` segments.

    Once `complete`, all of them are, and only the flip is left.
    """

    chunks: int = 0
    segments: int = 0
    complete: bool = False

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> "Checkpoint":
        """The checkpoint in a job's row."""
        return cls(**_known(cls, job["checkpoint"]))

    def counters(self) -> dict[str, Any]:
        """What the row's `checkpoint` holds."""
        return asdict(self)

    def progress(self) -> dict[str, int]:
        """What callers are told of the index."""
        totals = {"chunks_done": self.chunks, "chunks_total": self.chunks} if self.complete else {}
        return {"chunks_indexed": self.chunks, **totals}


def _known(kind: type[Kept] | type[Checkpoint], counters: Mapping[str, Any]) -> dict[str, Any]:
    """Without what another version of this code wrote beside it: while a new one is rolled out both work on a job."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in counters.items() if name in names}


def preview_of(text: str) -> str:
    """The beginning of a text, on one line."""
    return " ".join(text[: 2 * _PREVIEW_CHARACTERS].split())[:_PREVIEW_CHARACTERS]
