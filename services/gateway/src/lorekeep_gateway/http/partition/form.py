"""The form that brings documents: files are staged as they arrive, fields are gathered."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Request

from lorekeep_chassis import errors
from lorekeep_gateway.blobs import Staged
from lorekeep_gateway.http.multipart import Form, Head
from lorekeep_gateway.http.parts import Parts
from lorekeep_gateway.http.reception import left_to_sweep
from lorekeep_gateway.intake import Intake
from lorekeep_gateway.keys import Principal

MOST_FILES = 20
_MOST_FIELD_BYTES = 4096
_FILES = "files"


@dataclass(frozen=True)
class Document:
    """A file that was sent: its bytes are staged, and `media_type` is what its beginning shows it to be."""

    name: str
    staged: Staged
    media_type: str


@dataclass
class Received:
    """What a form brought."""

    documents: list[Document] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)

    async def read(self, form: Form, intake: Intake) -> "Received":
        """Reads the form to its end; the first file that is refused ends it."""
        while part := await form.next_part():
            name = part.name.removesuffix("[]")
            if name == _FILES and part.filename is not None:
                await self._file(form, part, intake)
            else:
                self.fields.setdefault(name, []).append(await form.value(name[:64], _MOST_FIELD_BYTES))
        if not self.documents:
            message = "The form holds no file. Send it as a part named `files`."
            raise errors.UnprocessableInput(message, reason="missing_field", field=_FILES)
        return self

    async def _file(self, form: Form, part: Head, intake: Intake) -> None:
        if len(self.documents) == MOST_FILES:
            message = f"At most {MOST_FILES} files are read at once."
            raise errors.UnprocessableInput(message, reason="too_many_files", field=_FILES)
        name = intake.name((part.filename or "").replace("\\", "/").rpartition("/")[2])
        staged, media_type = await intake.file(form.pieces(), name, part.content_type)
        self.documents.append(Document(name, staged, media_type))


def form_of(request: Request) -> Form:
    """The body as a form; UnsupportedMedia where it is none."""
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        raise errors.UnsupportedMedia("Send multipart/form-data with `files`.", reason="unsupported_body")
    return Form(content_type, request.stream())


@asynccontextmanager
async def staging(parts: Parts, principal: Principal) -> AsyncIterator[Intake]:
    """An intake of which nothing is kept: what it staged is gone at the end."""
    settings = parts.settings
    schema: Mapping[str, str] = {}
    organisation = principal.organisation_id
    intake = Intake(parts.blobs, organisation, schema, settings.max_file_size, settings.max_text_chars)
    try:
        yield intake
    finally:
        await _discarded(parts, intake.staged)


async def _discarded(parts: Parts, staged: Sequence[Staged]) -> None:
    for each in staged:
        await left_to_sweep(parts.blobs.discard(each))
