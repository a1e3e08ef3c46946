"""Bodies of previews: a file with fields, or JSON that holds a text or names a document. Nothing of them is kept."""

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

from fastapi import Request

from lorekeep_chassis import errors
from lorekeep_gateway import media, metadata
from lorekeep_gateway.http import forms
from lorekeep_gateway.http.multipart import Form, Head
from lorekeep_gateway.http.schemas.previews import PreviewAsked, TextPreviewAsked
from lorekeep_gateway.intake import MAX_NAME_CHARS
from lorekeep_gateway.previews import Original
from lorekeep_gateway.settings import GatewaySettings

_IN_MEMORY_BYTES = 1024 * 1024
_PIECE_BYTES = 512 * 1024
_MOST_FIELD_BYTES = 4096
_FIELDS = ("chunking", "reading", "limit")


@dataclass(frozen=True)
class Given:
    """What is to be previewed, and how: bytes, or a document of the collection by its id."""

    asked: PreviewAsked
    original: Original | None
    document: str | None = None


@asynccontextmanager
async def received(request: Request, settings: GatewaySettings) -> AsyncIterator[Given]:
    """The body of a request, gone at the end."""
    if not forms.is_form(request):
        asked = await forms.body(request, TextPreviewAsked)
        yield Given(asked, _text(asked, settings.max_text_chars), asked.document)
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        form = _Received(file, settings.max_file_size)
        await form.read(forms.form_of(request))
        yield Given(form.asked(), form.original())


class _Received:
    """A form: one file, spooled, and its fields, which may stand before or behind it."""

    def __init__(self, file: IO[bytes], most_bytes: int) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._name: str | None = None
        self._fields: dict[str, Any] = {}

    async def read(self, form: Form) -> None:
        """Reads the form to its end."""
        while part := await form.next_part():
            await (self._spool(form, part) if part.name == "file" else self._field(form, part.name))
        if self._name is None:
            raise errors.UnprocessableInput("The form has no `file`. Send one.", reason="missing_field", field="file")

    def asked(self) -> PreviewAsked:
        """What the fields ask for."""
        return forms.validated(self._fields, PreviewAsked)

    def original(self) -> Original:
        """The file; UnsupportedMedia where nobody reads its kind."""
        size_bytes = self._file.tell()
        self._file.seek(0)
        beginning = self._file.read(media.HEAD_BYTES)
        name = (self._name or "untitled")[:MAX_NAME_CHARS]
        return Original(name, media.media_type(beginning, name, ""), size_bytes, self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE_BYTES):
            yield piece

    async def _spool(self, form: Form, part: Head) -> None:
        if self._name is not None:
            raise errors.UnprocessableInput("One file a preview.", reason="too_many_files", field="file")
        self._name = part.filename or "untitled"
        async for piece in form.pieces():
            if self._file.tell() + len(piece) > self._most_bytes:
                raise errors.TooLarge(f"A file has at most {self._most_bytes} bytes. Send a smaller one.", field="file")
            self._file.write(piece)

    async def _field(self, form: Form, name: str) -> None:
        if name not in _FIELDS or name in self._fields:
            raise errors.UnprocessableInput(f"This form takes file, {', '.join(_FIELDS)}, each once.", field=name[:64])
        try:
            self._fields[name] = json.loads(await form.value(name, _MOST_FIELD_BYTES))
        except (ValueError, RecursionError):
            raise errors.UnprocessableInput("This field is not valid JSON.", field=name) from None


def _text(asked: TextPreviewAsked, most_chars: int) -> Original | None:
    if (asked.text is None) == (asked.document is None):
        raise errors.UnprocessableInput("Give a `text` or a `document`, or send a `file` as a form.", field="text")
    if asked.text is None:
        return None
    if not asked.text.strip() or len(asked.text) > most_chars or metadata.UNSTORABLE.search(asked.text):
        raise errors.UnprocessableInput(f"A text is not blank and has at most {most_chars} characters.", field="text")
    content = asked.text.encode()
    return Original("text", "text/plain", len(content), iter([content]))
