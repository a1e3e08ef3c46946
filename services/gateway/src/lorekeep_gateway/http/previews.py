"""Routes of previews: how documents would be cut."""

from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls, errors
from lorekeep_gateway import stored_segments
from lorekeep_gateway.chunking import Chunking, merged
from lorekeep_gateway.http import catalogue, preview_forms
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, Row
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.schemas import documents, reading
from lorekeep_gateway.http.schemas import previews as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.ingest.verdicts import verdict_of, warnings_of
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.previews import Original, Preview, Previews
from lorekeep_gateway.reading import Reading

router = APIRouter(prefix="/api/v1/collections/{collection}", tags=["documents"])

Writer = Depends(caller("ingest", "manage"))


@router.post(
    "/chunks:preview",
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.preview_body(),
    summary="Preview chunks",
)
async def preview(request: Request, collection: CollectionRef, principal: Principal = Writer) -> shapes.ChunkPreview:
    """Shows how a file, a text or a document would be cut, also by other options than the collection's. Nothing is
    kept; a document is not read again, and of a long file no more is read than the wanted chunks need."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    with parts.previews.passed(principal.organisation_id), calls.calling_as(principal.calling(row["id"])):
        async with preview_forms.received(request, parts.settings) as given:
            plan = await _planned(parts, row, given.asked)
            if given.original is not None:
                return await _of_original(parts, given.original, plan)
            shown = await catalogue.document(parts, principal, row["id"], given.document or "")
            return await _of_document(parts, principal, shown, plan)


@dataclass(frozen=True)
class _Plan:
    """What holds for one preview."""

    model: embedder_pb2.Model
    chunking: Chunking
    reading: Reading
    limit: int

    def previews(self, parts: Parts) -> Previews:
        options = self.chunking.options(self.model.tokenizer_fingerprint, self.model.passage_prompt)
        return Previews(parts.callees, self.model, options, self.limit)

    def told(self, made: Preview, read: Reading | None) -> dict[str, Any]:
        """What is answered of every preview."""
        options = shapes.Options(
            model=self.model.name,
            chunking=reading.Chunking(**asdict(self.chunking)),
            reading=None if read is None else reading.Reading(**asdict(read)),
        )
        chunks = [documents.passage_of(each) for each in made.chunks]
        return {"chunks": chunks, "chunk_count": len(chunks), "complete": made.whole, "options": options}


async def _planned(parts: Parts, row: Row, asked: shapes.PreviewAsked) -> _Plan:
    """What is asked for over what the collection asks for; an index that is there says how it was cut."""
    model = await parts.models.named(row["model"])
    read = Reading.of_asked(row["reading"], {} if asked.reading is None else asked.reading.asked)
    if asked.chunking is None and row["generation_id"] is not None:
        sizes = (row[name] for name in ("chunk_strategy", "max_tokens", "overlap_tokens", "min_tokens"))
        return _Plan(model, Chunking(*sizes), read, asked.limit)
    wanted = merged(row["chunking"], {} if asked.chunking is None else asked.chunking.asked)
    chunking = parts.chunking.resolved(wanted, model.window_tokens)
    chunking.check(wanted, model)
    return _Plan(model, chunking, read, asked.limit)


async def _of_original(parts: Parts, original: Original, plan: _Plan) -> shapes.ChunkPreview:
    made = await plan.previews(parts).of_original(original, plan.reading)
    verdict, properties = made.verdict, made.properties
    return shapes.ChunkPreview(
        verdict=None if verdict is None else verdict_of(verdict),
        warnings=[] if verdict is None else warnings_of(verdict),
        properties=None if properties is None else documents.properties_of(properties),
        **plan.told(made, plan.reading),
    )


async def _of_document(parts: Parts, principal: Principal, row: Row, plan: _Plan) -> shapes.ChunkPreview:
    if row["segment_count"] is None:
        message = "The document was not read yet. Wait until it is ready, or preview its file."
        raise errors.AlreadyExists(message, reason="document_not_read", field="document")
    segments = stored_segments.segments(parts.blobs, principal.organisation_id, row)
    made = await plan.previews(parts).of_segments(segments)
    read = {name: row[name] for name in ("verdict", "warnings", "properties")}
    return shapes.ChunkPreview(**read, **plan.told(made, None))
