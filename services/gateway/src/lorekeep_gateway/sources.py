"""Sources: how texts, question-answer pairs and web pages become submissions, and what a change makes of one."""

import codecs
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from lorekeep_chassis import errors
from lorekeep_gateway import metadata
from lorekeep_gateway.blobs import Blob, Staged
from lorekeep_gateway.intake import Intake, Submission
from lorekeep_gateway.outbound.fetching import Outbound, Page

_FETCH_SECONDS = 20.0
_CHAR_BYTES = 4
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What bytes are read as anyway, and what Python calls encodings of text but are none of a page.
_NOT_DECODED = ("utf-8", "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
_MARKUP = ("application/xhtml+xml", "application/xml")

Version = Mapping[str, Any]


@dataclass(frozen=True)
class Description:
    """What a caller says of a document beside its content."""

    metadata: Mapping[str, Any] | None
    document_id: str | None

    def checked(self, intake: Intake) -> None:
        """Refuses what is wrong before any content is kept or fetched."""
        intake.document_id(self.document_id)
        metadata.checked(self.metadata or {}, intake.schema)


async def text(intake: Intake, content: str, title: str | None, told: Description) -> Submission:
    """An inline text."""
    told.checked(intake)
    name = title or told.document_id or "text"
    return intake.described(await intake.text(content), name, told.metadata, told.document_id, "text")


async def qna(intake: Intake, question: str, answer: str, told: Description) -> Submission:
    """A question with its answer, as plain text: in a markup, what looks like markup would be lost. The question is
    the document's name too, which every passage of a long answer is found by."""
    told.checked(intake)
    for name, given in (("question", question), ("answer", answer)):
        if not given.strip():
            raise errors.UnprocessableInput(f"The {name} is blank.", reason="blank_text", field=name)
    question, answer = " ".join(question.split()), answer.strip()
    kept = await intake.text(f"Question: {question}\nAnswer: {answer}", "answer")
    source = {"question": question, "answer": answer}
    return intake.described(kept, question, told.metadata, told.document_id, "qna", source)


async def website(intake: Intake, outbound: Outbound, url: str, told: Description) -> Submission:
    """A web page, fetched now. Errors as `outbound` types them."""
    told.checked(intake)
    async with outbound.fetched(url, most_bytes=intake.max_file_bytes, deadline_seconds=_FETCH_SECONDS) as page:
        name = page.filename or _name_of(page.url)
        kept = await intake.file(_readable(page), name, page.media_type)
        source = {"url": url, "final_url": page.url, "fetched_at": datetime.now(UTC).isoformat(timespec="seconds")}
    return intake.described(kept, name, told.metadata, told.document_id, "website", source)


def changed(intake: Intake, version: Version, name: str | None, change: Mapping[str, Any] | None) -> Submission:
    """A version with another name, other metadata or both, over the bytes that are kept already."""
    kept = Staged(Blob(version["blob_sha256"], version["size_bytes"]), None), version["media_type"]
    submission = intake.described(
        kept,
        name or version["name"],
        merged(version, change),
        version["public_id"],
        version["kind"],
        version["source"],
    )
    return replace(submission, changes=version["number"], reading=version["reading"])


async def content_of(pieces: AsyncIterator[bytes], most_chars: int) -> str:
    """A kept text, at most `most_chars` of it."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= _CHAR_BYTES * most_chars:
            break
    return held.decode(errors="replace")[:most_chars]


def merged(version: Version, change: Mapping[str, Any] | None) -> dict[str, Any]:
    """A version's metadata with a change: null takes a field away, what is left out stays."""
    together = {**version["metadata"], **(change or {})}
    return {name: value for name, value in together.items() if value is not None or name not in (change or {})}


def _name_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{unquote(parts.path)}".rstrip("/")


async def _readable(page: Page) -> AsyncIterator[bytes]:
    """The page's bytes; text in the encoding that its server names becomes UTF-8 with a mark, since the name is not
    kept and a page's own word may differ."""
    codec, decoder, begun = _codec(page), None, False
    async for piece in page:
        if codec and not begun and not piece.startswith(_MARKS):
            decoder = codecs.getincrementaldecoder(codec)("replace")
            yield codecs.BOM_UTF8
        begun = True
        yield decoder.decode(piece).encode("utf-8", "replace") if decoder else piece
    if decoder:
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _codec(page: Page) -> str | None:
    """The encoding that a text was declared to be in, where that is not what it would be read as anyway."""
    if not (page.media_type.startswith("text/") or page.media_type in _MARKUP):
        return None
    try:
        codec = codecs.lookup(page.charset)
    except (LookupError, ValueError):
        return None
    return None if codec.name in _NOT_DECODED or not codec._is_text_encoding else codec.name
