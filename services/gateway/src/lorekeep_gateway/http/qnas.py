"""Routes of question-answer pairs."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway import sources
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.reception import accepted, accepted_as, answered, repeat_of, taking_in
from lorekeep_gateway.http.schemas import sources as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.uploads import Upload
from lorekeep_gateway.http.source_routes import Ingester, Kind, answer_for
from lorekeep_gateway.idempotency import checked_key
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.sources import Description

router = APIRouter(prefix="/api/v1/collections/{collection}/qnas", tags=["sources"])


KIND = Kind(
    "qna", "question with its answer", "question-answer pairs", "qnas", shapes.QnaPage, shapes.qna_of, shapes.QnaShown
)


@router.post(
    "",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.NewQna),
    summary="Add a question with its answer",
)
async def create(
    request: Request,
    collection: CollectionRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Takes a question with its answer as a document; what asks the like finds both."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.NewQna)
        told = Description(body.metadata, body.document_id)
        submission = await sources.qna(intake, body.question, body.answer, told)
        return answered(await accepted(parts, principal, row, [submission], key))


@router.patch(
    "/{document:path}",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.QnaChange),
    summary="Change a question or its answer",
)
async def change(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Changes the question, the answer or the metadata: a new version, which is shown once it is ready."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.QnaChange)
        version = await catalogue.newest_version(parts, principal, row["id"], document, KIND.name)
        told = Description(sources.merged(version, body.metadata), version["public_id"])
        question, answer = (getattr(body, each) or version["source"][each] for each in ("question", "answer"))
        submission = replace(await sources.qna(intake, question, answer, told), changes=version["number"])
        repeat = repeat_of(principal, key, "change", row["id"], document, body.model_dump())
        return answered(await accepted_as(parts, principal, row, submission, repeat))


answer_for(KIND, router)
