"""Upload bodies: forms with files and JSON with texts become submissions, or a typed refusal for each item."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from lorekeep_chassis import errors
from lorekeep_gateway import metadata, reading
from lorekeep_gateway.acceptance import Outcome
from lorekeep_gateway.blobs import Staged
from lorekeep_gateway.http.multipart import Form, Head
from lorekeep_gateway.intake import MAX_ID_CHARS, Intake, Submission

MOST_DOCUMENTS = 100
_MOST_ID_BYTES = 4 * MAX_ID_CHARS
_MOST_FIELDS = 100
_FILE_FIELDS = frozenset({"metadata", "strategy", "languages"})
_TEXT_FIELDS = frozenset({"text", "title", "metadata", "document_id"})

Body = TypeVar("Body", bound=BaseModel)
Kept = tuple[str, tuple[Staged, str] | errors.LorekeepError]


class _Received:
    """What a form brought: its files in order and its fields. The fields may stand before or behind the files."""

    def __init__(self, intake: Intake, most_files: int, fields: frozenset[str]) -> None:
        self._intake = intake
        self._most_files = most_files
        self._allowed = fields
        self.files: list[Kept] = []
        self.fields: dict[str, str] = {}

    async def read(self, form: Form) -> "_Received":
        """Reads the form to its end, so that a broken one leaves nothing behind that was accepted."""
        while part := await form.next_part():
            await (self._file(form, part) if part.name == "file" else self._field(form, part))
        if not self.files:
            raise _missing_file()
        return self

    async def _file(self, form: Form, part: Head) -> None:
        if len(self.files) == self._most_files:
            raise errors.UnprocessableInput(_too_many(self._most_files), reason="too_many_files", field="file")
        name = part.filename or ""
        try:
            self.files.append((name, await self._intake.file(form.pieces(), name)))
        except (errors.UnprocessableInput, errors.UnsupportedMedia, errors.TooLarge) as refusal:
            self.files.append((name, refusal))

    async def _field(self, form: Form, part: Head) -> None:
        if part.name not in self._allowed:
            known = ", ".join(["file", *sorted(self._allowed)])
            raise errors.UnprocessableInput(f"This form takes {known}.", field=part.name[:64])
        if part.name in self.fields:
            raise errors.UnprocessableInput("This field was given twice.", field=part.name)
        most = metadata.MAX_METADATA_BYTES if part.name == "metadata" else _MOST_ID_BYTES
        self.fields[part.name] = await form.value(part.name, most)


async def single(request: Request, intake: Intake) -> Outcome:
    """The one document of a request, from a form or from JSON."""
    if not is_form(request):
        return await _text(intake, await _json(request))
    received = await _Received(intake, 1, _FILE_FIELDS | {"document_id"}).read(form_of(request))
    told, asked = _metadata(received), _reading(received)
    return _described(intake, received.files[0], told, asked, received.fields.get("document_id"))


async def file(request: Request, intake: Intake) -> Outcome:
    """The one file of a form."""
    if not is_form(request):
        raise errors.UnsupportedMedia("Send multipart/form-data with a `file`.", reason="unsupported_body")
    return await single(request, intake)


async def body(request: Request, shape: type[Body]) -> Body:
    """A JSON body of that shape, read when it is asked for and not before."""
    return validated(await _json(request), shape)


def validated(given: Any, shape: type[Body]) -> Body:
    """What was given as that shape; RequestValidationError names the field that is wrong."""
    if isinstance(given, dict) and len(given) > _MOST_FIELDS:  # each unknown one would be told on its own
        raise errors.UnprocessableInput(f"The body has {len(shape.model_fields)} fields at most.", field="body")
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        wrong = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(wrong) from None


async def batch(request: Request, intake: Intake) -> list[Outcome]:
    """The documents of a request in order; what is wrong with one is its outcome and stops no other."""
    if not is_form(request):
        return [await _text(intake, each) for each in _documents(await _json(request))]
    received = await _Received(intake, MOST_DOCUMENTS, _FILE_FIELDS).read(form_of(request))
    told, asked = _metadata(received), _reading(received)
    return [_described(intake, each, told, asked, None) for each in received.files]


def _described(
    intake: Intake, kept: Kept, told: Mapping[str, Any] | None, asked: Mapping[str, Any], document_id: str | None
) -> Outcome:
    name, outcome = kept
    if isinstance(outcome, errors.LorekeepError):
        return outcome
    try:
        return intake.described(outcome, name, told, document_id, reading=asked)
    except errors.UnprocessableInput as refusal:
        return refusal


async def _text(intake: Intake, given: Any) -> Outcome:
    try:
        return await _submitted(intake, given)
    except (errors.UnprocessableInput, errors.InvalidInput) as refusal:
        return refusal


async def _submitted(intake: Intake, given: Any) -> Submission:
    if not isinstance(given, dict):
        raise errors.UnprocessableInput('A document is a JSON object with a "text".', field="body")
    unknown = sorted(set(given) - _TEXT_FIELDS)
    if unknown:
        raise errors.UnprocessableInput(f"A document has {', '.join(sorted(_TEXT_FIELDS))}.", field=unknown[0][:64])
    title, told = given.get("title"), given.get("metadata")
    if title is not None and not isinstance(title, str):
        raise errors.UnprocessableInput("A title is a text.", field="title")
    if told is not None and not isinstance(told, dict):
        raise errors.UnprocessableInput("Metadata is a JSON object.", field="metadata")
    document_id = intake.document_id(given.get("document_id")) or None
    checked = metadata.checked(told or {}, intake.schema)
    kept = await intake.text(given.get("text"))
    return intake.described(kept, title or document_id or "text", checked, document_id, "text")


def _documents(body: Any) -> list[Any]:
    documents = body.get("documents") if isinstance(body, dict) and set(body) == {"documents"} else None
    if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise errors.UnprocessableInput(
            f'A batch is {{"documents": [...]}} with 1 to {MOST_DOCUMENTS} documents.', field="documents"
        )
    return documents


def _metadata(received: _Received) -> dict[str, Any] | None:
    given = received.fields.get("metadata")
    return None if given is None else metadata.parsed(given)


def _reading(received: _Received) -> dict[str, Any]:
    return reading.of_fields(received.fields.get("strategy"), received.fields.get("languages"))


async def _json(request: Request) -> Any:
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise errors.UnsupportedMedia(
            "Send multipart/form-data with a `file`, or application/json with a `text`.", reason="unsupported_body"
        )
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise errors.InvalidInput("The body is not valid JSON.", reason="invalid_json") from None


def is_form(request: Request) -> bool:
    """Whether a form was sent, rather than JSON."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def form_of(request: Request) -> Form:
    """The form that is being sent."""
    return Form(request.headers["content-type"], request.stream())


def _missing_file() -> errors.UnprocessableInput:
    return errors.UnprocessableInput("The form has no `file`. Send one.", reason="missing_field", field="file")


def _too_many(most: int) -> str:
    if most == 1:
        return "One file a request; send several to `documents:batch`."
    return f"At most {most} files a request; send the rest in another."
