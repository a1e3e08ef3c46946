"""Shapes of the partition route: the element JSON of the unstructured API, and its errors."""

from typing import Any

from pydantic import BaseModel, Field

from lorekeep_gateway.http.schemas.shape import ErrorBody, Shape


class Coordinates(Shape):
    """Where an element stands on its page."""

    points: list[tuple[float, float]] = Field(description="Corners: top left, bottom left, bottom right, top right.")
    system: str = Field(examples=["PixelSpace"])
    layout_width: float = Field(description="Width of the page in the units of the points.")
    layout_height: float


class PartitionedMetadata(Shape):
    """What is known of an element; what is not is left out."""

    filename: str
    filetype: str = Field(description="Media type that the content proved to be.")
    languages: list[str] | None = Field(None, description="As `eng`.")
    page_number: int | None = Field(None, description="From `starting_page_number`; only where there are pages.")
    parent_id: str | None = Field(None, description="The title above.")
    category_depth: int | None = Field(None, description="Depth of a title from 0.")
    text_as_html: str | None = Field(None, description="Of a table.")
    coordinates: Coordinates | None = None
    orig_elements: str | None = Field(None, description="Of a chunk: its elements as JSON, deflated, in base64.")


class PartitionedElement(Shape):
    """One element, or one chunk."""

    type: str = Field(examples=["NarrativeText"])
    element_id: str
    text: str
    metadata: PartitionedMetadata


class PartitionError(ErrorBody):
    """An error as every route tells it, and as the clients of this API read it."""

    detail: str


def partition_body(parameters: type[BaseModel]) -> dict[str, Any]:
    """How the form is described."""
    schema = parameters.model_json_schema()
    file = {"type": "string", "format": "binary", "description": "A document; its type is told from its content."}
    files = {"type": "array", "items": file, "minItems": 1, "maxItems": 20}
    described = {"type": "object", "properties": {"files": files, **schema["properties"]}, "required": ["files"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": described}}}}
