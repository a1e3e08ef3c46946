"""The partition route, at the path and in the words of the unstructured API."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from lorekeep_chassis.errors import LorekeepError
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.errors import response_of, spelt
from lorekeep_gateway.http.partition.answers import answer_of
from lorekeep_gateway.http.partition.elements import Partition
from lorekeep_gateway.http.partition.form import Document, Received, form_of, staging
from lorekeep_gateway.http.partition.parameters import Parameters, parameters_of
from lorekeep_gateway.http.partition.reading import Read, read_all, while_awaited
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas.partition import PartitionedElement, PartitionError, partition_body
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.keys import Principal

PATH = "/general/v0/general"
DOCS_PATH = "/general/docs"
_CSV = {"text/csv": {"schema": {"type": "string"}}}


class DetailedRoute(APIRoute):
    """Puts `detail` beside `error`, where the clients of this API look for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def detailed(request: Request) -> Response:
            try:
                return await handler(request)
            except LorekeepError as error:
                return response_of(error, detail=spelt(error.message))

        return detailed


router = APIRouter(tags=["partition"], route_class=DetailedRoute)

Reader = Depends(caller("ingest", header="unstructured-api-key"))


@router.post(
    PATH,
    response_model=list[PartitionedElement] | list[list[PartitionedElement]],
    responses={
        **{code: {**each, "model": PartitionError} for code, each in failures(413, 415, 429).items()},
        200: {"description": "The elements; for several files a list for each.", "content": _CSV},
    },
    openapi_extra=partition_body(Parameters),
    summary="Partition documents",
)
async def partition(request: Request, principal: Principal = Reader) -> StreamingResponse:
    """Reads documents and answers their elements, or chunks, in the JSON of the unstructured API; nothing is kept.
    A parameter that is not served is named in a 422; what was left out is told in `X-Lorekeep-Warnings`."""
    parts = parts_of(request)
    with parts.readings.passed(principal.organisation_id):
        async with staging(parts, principal) as intake:
            with parts.uploads.passed(principal.organisation_id):
                received = await Received().read(form_of(request), intake)
            parameters = parameters_of(received.fields)
            found = await while_awaited(request, read_all(parts, received.documents, parameters))
    shown = [_shown(*each, parameters) for each in zip(received.documents, found, strict=True)]
    return answer_of(shown, parameters.output_format, [told for each in found for told in each.warnings])


@router.get(DOCS_PATH, summary="Say where this API is described")
async def docs() -> dict[str, str]:
    """For clients that ask for this page before they send a long PDF in parts, and go on where there is one."""
    return {"openapi": "/openapi.json"}


def _shown(document: Document, found: Read, parameters: Parameters) -> Any:
    partition = Partition(document.name, found.verdict, document.media_type, parameters)
    if parameters.chunking_strategy is None:
        return partition.elements(found.elements)
    return partition.chunks(found.chunks, found.elements)
