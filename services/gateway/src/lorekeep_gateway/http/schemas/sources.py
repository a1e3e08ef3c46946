"""Where documents come from: texts, question-answer pairs and web pages, as they are sent and as they are shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from lorekeep_gateway.http.schemas.documents import Document, fields_of
from lorekeep_gateway.http.schemas.shape import Request, Shape, Text

_CURSOR = Field(description="For the next page; null at the end.")
DocumentId = Annotated[
    str, Field(min_length=1, max_length=255, description="The caller's own id; the same id again makes a new version.")
]
Metadata = Annotated[
    dict[str, Any], Field(description="Any JSON object; declared fields can be filtered by.", examples=[{"lang": "en"}])
]
MetadataChange = Annotated[
    dict[str, Any], Field(description="Fields to set; null takes one away, what is left out stays.")
]
Title = Annotated[str, Field(min_length=1, max_length=1024, description="Its name, as shown.")]
Question = Annotated[Text, Field(min_length=1, max_length=1000, description="The question, which is its name.")]
Reply = Annotated[Text, Field(min_length=1, max_length=20_000, description="The answer; a longer one is a text.")]
Url = Annotated[Text, Field(min_length=1, max_length=2048, description="A public http or https address.")]


class NewText(Request):
    """A text to be kept as a document."""

    text: str = Field(description="The text, not blank; at most 1,000,000 characters.")
    title: Title | None = None
    metadata: Metadata | None = None
    document_id: DocumentId | None = None


class TextChange(Request):
    """What to change of a text; what is left out stays."""

    text: str | None = None
    title: Title | None = None
    metadata: MetadataChange | None = None


class NewQna(Request):
    """A question with its answer."""

    question: Question
    answer: Reply
    metadata: Metadata | None = None
    document_id: DocumentId | None = None


class QnaChange(Request):
    """What to change of a question-answer pair; what is left out stays."""

    question: Question | None = None
    answer: Reply | None = None
    metadata: MetadataChange | None = None


class NewWebsite(Request):
    """A web page to be fetched."""

    url: Url
    metadata: Metadata | None = None
    document_id: DocumentId | None = None


class WebsiteChange(Request):
    """What to change of a web page; another URL is fetched at once."""

    url: Url | None = None
    metadata: MetadataChange | None = None


class FileChange(Request):
    """What to change of a file; its bytes stay."""

    name: Title | None = None
    metadata: MetadataChange | None = None


class TextShown(Document):
    """A text."""

    title: str


class WholeText(TextShown):
    """A text with all that it says."""

    text: str = Field(description="The text of the version that is shown.")


class QnaShown(Document):
    """A question with its answer."""

    question: str
    answer: str


class WebsiteShown(Document):
    """A web page as it was when it was fetched."""

    url: str | None = Field(description="As it was given.")
    final_url: str | None = Field(description="Where that led.")
    fetched_at: datetime | None


class TextPage(Shape):
    """Texts, newest first."""

    texts: list[TextShown]
    next_cursor: str | None = _CURSOR


class QnaPage(Shape):
    """Question-answer pairs, newest first."""

    qnas: list[QnaShown]
    next_cursor: str | None = _CURSOR


class WebsitePage(Shape):
    """Web pages, newest first."""

    websites: list[WebsiteShown]
    next_cursor: str | None = _CURSOR


class FilePage(Shape):
    """Files, newest first."""

    files: list[Document]
    next_cursor: str | None = _CURSOR


def text_of(row: Mapping[str, Any]) -> TextShown:
    """A text as it is listed."""
    return TextShown(**fields_of(row), title=row["name"])


def whole_text_of(row: Mapping[str, Any], text: str) -> WholeText:
    """A text as it is shown alone."""
    return WholeText(**fields_of(row), title=row["name"], text=text)


def qna_of(row: Mapping[str, Any]) -> QnaShown:
    """A question-answer pair as it is shown; what it replaces may be a document of another kind."""
    source = row["source"]
    return QnaShown(**fields_of(row), question=source.get("question", row["name"]), answer=source.get("answer", ""))


def website_of(row: Mapping[str, Any]) -> WebsiteShown:
    """A web page as it is shown; what it replaces may be a document of another kind."""
    told = {name: row["source"].get(name) for name in ("url", "final_url", "fetched_at")}
    return WebsiteShown(**fields_of(row), **told)


def json_body(shape: type[Request]) -> dict[str, Any]:
    """How a JSON body is described that a route reads by itself, after it knows that it may."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
