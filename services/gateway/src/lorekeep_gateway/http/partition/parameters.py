"""The form fields of the unstructured API: those that are served, typed, and those that are refused by name."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.http.schemas.shape import Request

_STRATEGIES = {
    "auto": parser_pb2.READ_STRATEGY_AUTO,
    "fast": parser_pb2.READ_STRATEGY_FAST,
    "ocr_only": parser_pb2.READ_STRATEGY_OCR_ONLY,
    "hi_res": parser_pb2.READ_STRATEGY_HI_RES,
}
_CHUNKINGS = {"by_title": parser_pb2.CHUNK_STRATEGY_BY_TITLE, "basic": parser_pb2.CHUNK_STRATEGY_RECURSIVE}
_MOST_CHUNK_CHARACTERS = 100_000
_MOST_LANGUAGES = 8
_MOST_PAGE = 1_000_000
# Not served, with what they may say all the same, because it asks for nothing or for what is done anyway.
UNSERVED: Mapping[str, Sequence[str]] = {
    "xml_keep_tags": ("false",),
    "include_slide_notes": ("true",),
    "multipage_sections": ("true",),
    "do_not_break_similarity_on_footer_header": ("false",),
    "encoding": ("utf-8", "utf_8", "utf8"),
    "gz_uncompressed_content_type": (),
    "hi_res_model_name": (),
    "extract_image_block_types": (),
    "similarity_threshold": (),
    "table_ocr_agent": (),
    "pdfminer_char_margin": (),
    "pdfminer_line_margin": (),
    "pdfminer_line_overlap": (),
    "pdfminer_word_margin": (),
    "vlm_model": (),
    "vlm_model_provider": (),
}
# The official client acts on these itself and sends them along.
_OF_THE_CLIENT = "split_pdf_"
_NOTHING = ("", "[]", "null")
_LISTS = frozenset({"languages", "ocr_languages", "skip_infer_table_types"})

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z]{2,8})?$")]


class Parameters(Request):
    """How the documents of one request are read and answered."""

    strategy: Literal["auto", "fast", "ocr_only", "hi_res"] = Field(
        "auto", description="How PDFs are read; `hi_res` is read as `auto` where its weights are not installed."
    )
    languages: list[Language] = Field([], max_length=_MOST_LANGUAGES, description="Languages for OCR, as `eng`.")
    ocr_languages: list[Language] = Field([], max_length=_MOST_LANGUAGES, description="The same, by its older name.")
    coordinates: bool = Field(False, description="Say where each element stands on its page.")
    output_format: Literal["application/json", "text/csv"] = Field("application/json", description="Of the answer.")
    include_page_breaks: bool = Field(False, description="A `PageBreak` element between two pages.")
    unique_element_ids: bool = Field(False, description="Random ids instead of hashes.")
    starting_page_number: int = Field(1, ge=1, le=_MOST_PAGE, description="Number of the first page.")
    content_type: str = Field("", max_length=255, description="Media type of the files; refines text formats.")
    pdf_infer_table_structure: bool = Field(True, description="False: no `text_as_html` for PDF.")
    skip_infer_table_types: list[str] = Field([], max_length=32, description="File types without `text_as_html`.")
    chunking_strategy: Literal["basic", "by_title"] | None = Field(None, description="Answer chunks, not elements.")
    max_characters: int = Field(500, ge=16, le=_MOST_CHUNK_CHARACTERS, description="Longest chunk.")
    new_after_n_chars: int | None = Field(None, ge=16, description="Chunks end here, where that is sooner.")
    combine_under_n_chars: int | None = Field(None, ge=0, description="Shorter parts of a section are joined.")
    overlap: int = Field(0, ge=0, description="Characters repeated where a section is cut; under half a chunk.")
    overlap_all: bool = Field(False, description="Taken, and no different: overlap never crosses a heading.")
    include_orig_elements: bool = Field(True, description="Each chunk carries the elements that it was made of.")

    @model_validator(mode="after")
    def _overlap_fits(self) -> "Parameters":
        if self.chunking_strategy and self.overlap * 2 >= self.chunk_characters:
            raise ValueError("overlap must be less than half of max_characters and of new_after_n_chars")
        return self

    @property
    def chunk_characters(self) -> int:
        """The longest chunk."""
        return min(self.max_characters, self.new_after_n_chars or self.max_characters)

    def read_strategy(self) -> parser_pb2.ReadStrategy:
        """As the parser is told."""
        return _STRATEGIES[self.strategy]

    def ocr(self) -> list[str]:
        """The languages, whichever name they came by."""
        return [each.replace("-", "_") for each in self.languages or self.ocr_languages]

    def chunk_options(self) -> parser_pb2.ChunkOptions | None:
        """How the parser cuts chunks; None where none are asked for."""
        if self.chunking_strategy is None:
            return None
        most = self.chunk_characters
        least = most if self.combine_under_n_chars is None else min(self.combine_under_n_chars, most)
        return parser_pb2.ChunkOptions(
            max_tokens=most,
            overlap_tokens=self.overlap,
            min_tokens=max(least, 1),
            strategy=_CHUNKINGS[self.chunking_strategy],
            unit=parser_pb2.CHUNK_UNIT_CHARACTERS,
        )


def parameters_of(fields: Mapping[str, Sequence[str]]) -> Parameters:
    """The parameters of a form, whose lists may be named `name[]`; UnprocessableInput names what is not served."""
    given: dict[str, Any] = {}
    for name, values in fields.items():
        meant = [each for each in values if each not in _NOTHING]
        if not meant or name.startswith(_OF_THE_CLIENT):
            continue
        if name in UNSERVED:
            _require_nothing(name, meant)
        elif name not in Parameters.model_fields:
            raise _refused(name, "There is no such parameter here.")
        else:
            given[name] = _list_of(meant) if name in _LISTS else meant[-1]
    try:
        return Parameters.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "overlap"
        raise _refused(field, str(first["msg"]).removeprefix("Value error, ")) from None


def _require_nothing(name: str, values: Sequence[str]) -> None:
    allowed = UNSERVED[name]
    if any(each.lower() not in allowed for each in values):
        told = f"only {allowed[0]} is" if allowed else "it is not"
        raise _refused(name, f"This parameter is not served: {told} taken. Leave it out.")


def _list_of(values: Sequence[str]) -> list[str]:
    """A list as clients send it: repeated, as JSON, or parted by commas or plus signs; `auto` says nothing."""
    found: list[str] = []
    for value in values:
        found += _json_list(value) or value.replace("+", ",").split(",")
    return [each.strip() for each in found if each.strip() not in ("", "auto")]


def _json_list(value: str) -> list[str]:
    if not value.startswith("["):
        return []
    try:
        loaded = json.loads(value)
    except (ValueError, RecursionError):
        return []
    return [str(each) for each in loaded] if isinstance(loaded, list) else []


def _refused(name: str, message: str) -> errors.UnprocessableInput:
    shown = name[:64]
    return errors.UnprocessableInput(f"{shown}: {message}", field=shown)
