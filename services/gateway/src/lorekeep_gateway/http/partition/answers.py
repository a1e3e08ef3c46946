"""Answers of the partition route: made piece by piece, so that a long one holds nobody up."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from fastapi.responses import StreamingResponse

from lorekeep_gateway.http.schemas.partition import PartitionedElement, PartitionedMetadata

_PIECE_CHARACTERS = 65_536
_MOST_WARNINGS_CHARACTERS = 2000
_PLAIN = [each for each in PartitionedMetadata.model_fields if each != "coordinates"]

Documents = Sequence[Iterable[PartitionedElement]]


def answer_of(documents: Documents, output_format: str, warnings: Iterable[str]) -> StreamingResponse:
    """A list for one document, a list of lists for several; as CSV one table for all of them."""
    told = csv_of(documents) if output_format == "text/csv" else json_of(documents)
    return StreamingResponse(_pieces(told), media_type=output_format, headers=_warned(warnings))


def json_of(documents: Documents) -> Iterator[str]:
    """The elements as JSON."""
    if len(documents) == 1:
        yield from _list(each.model_dump_json(exclude_none=True) for each in documents[0])
        return
    for place, document in enumerate(documents):
        yield "," if place else "["
        yield from json_of([document])
    yield "]"


def csv_of(documents: Documents) -> Iterator[str]:
    """The elements as a table, metadata in columns of their own."""
    held = io.StringIO()
    writer = csv.DictWriter(held, ["type", "element_id", "text", *_PLAIN])
    writer.writeheader()
    for document in documents:
        for each in document:
            told = each.metadata.model_dump(include=set(_PLAIN))
            told["languages"] = ",".join(told["languages"] or ())
            writer.writerow({"type": each.type, "element_id": each.element_id, "text": each.text, **told})
            yield held.getvalue()
            held.seek(0)
            held.truncate()
    yield held.getvalue()


def _list(parts: Iterable[str]) -> Iterator[str]:
    begin = "["
    for part in parts:
        yield begin + part
        begin = ","
    yield "]" if begin == "," else "[]"


async def _pieces(parts: Iterator[str]) -> AsyncIterator[bytes]:
    held: list[str] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= _PIECE_CHARACTERS:
            yield "".join(held).encode("utf-8", "replace")
            held, size = [], 0
            await asyncio.sleep(0)
    yield "".join(held).encode("utf-8", "replace")


def _warned(warnings: Iterable[str]) -> dict[str, str]:
    """What a person should know, in a header, since the shape of the body has no place for it."""
    joined = " | ".join(dict.fromkeys(warnings))
    plain = "".join(each if " " <= each <= "~" else "?" for each in joined)[:_MOST_WARNINGS_CHARACTERS]
    return {"X-Lorekeep-Warnings": plain} if plain else {}
