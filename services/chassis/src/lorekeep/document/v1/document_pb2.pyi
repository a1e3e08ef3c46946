from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ElementKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ELEMENT_KIND_UNSPECIFIED: _ClassVar[ElementKind]
    ELEMENT_KIND_TEXT: _ClassVar[ElementKind]
    ELEMENT_KIND_HEADING: _ClassVar[ElementKind]
    ELEMENT_KIND_LIST_ITEM: _ClassVar[ElementKind]
    ELEMENT_KIND_TABLE: _ClassVar[ElementKind]
    ELEMENT_KIND_CAPTION: _ClassVar[ElementKind]
    ELEMENT_KIND_PAGE_HEADER: _ClassVar[ElementKind]
    ELEMENT_KIND_PAGE_FOOTER: _ClassVar[ElementKind]
    ELEMENT_KIND_CODE: _ClassVar[ElementKind]
    ELEMENT_KIND_IMAGE_TEXT: _ClassVar[ElementKind]
    ELEMENT_KIND_FRONT_MATTER: _ClassVar[ElementKind]

class PageOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAGE_OUTCOME_UNSPECIFIED: _ClassVar[PageOutcome]
    PAGE_OUTCOME_READ: _ClassVar[PageOutcome]
    PAGE_OUTCOME_OCR: _ClassVar[PageOutcome]
    PAGE_OUTCOME_EMPTY: _ClassVar[PageOutcome]
    PAGE_OUTCOME_GARBLED: _ClassVar[PageOutcome]
    PAGE_OUTCOME_SKIPPED: _ClassVar[PageOutcome]
ELEMENT_KIND_UNSPECIFIED: ElementKind
ELEMENT_KIND_TEXT: ElementKind
ELEMENT_KIND_HEADING: ElementKind
ELEMENT_KIND_LIST_ITEM: ElementKind
ELEMENT_KIND_TABLE: ElementKind
ELEMENT_KIND_CAPTION: ElementKind
ELEMENT_KIND_PAGE_HEADER: ElementKind
ELEMENT_KIND_PAGE_FOOTER: ElementKind
ELEMENT_KIND_CODE: ElementKind
ELEMENT_KIND_IMAGE_TEXT: ElementKind
ELEMENT_KIND_FRONT_MATTER: ElementKind
PAGE_OUTCOME_UNSPECIFIED: PageOutcome
PAGE_OUTCOME_READ: PageOutcome
PAGE_OUTCOME_OCR: PageOutcome
PAGE_OUTCOME_EMPTY: PageOutcome
PAGE_OUTCOME_GARBLED: PageOutcome
PAGE_OUTCOME_SKIPPED: PageOutcome

class BoundingBox(_message.Message):
    __slots__ = ("page", "left", "top", "right", "bottom")
    PAGE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_FIELD_NUMBER: _ClassVar[int]
    page: int
    left: float
    top: float
    right: float
    bottom: float
    def __init__(self, page: _Optional[int] = ..., left: _Optional[float] = ..., top: _Optional[float] = ..., right: _Optional[float] = ..., bottom: _Optional[float] = ...) -> None: ...

class Element(_message.Message):
    __slots__ = ("ordinal", "kind", "text", "page", "start", "end", "level", "heading_path", "boxes", "html")
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    HEADING_PATH_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    ordinal: int
    kind: ElementKind
    text: str
    page: int
    start: int
    end: int
    level: int
    heading_path: _containers.RepeatedScalarFieldContainer[str]
    boxes: _containers.RepeatedCompositeFieldContainer[BoundingBox]
    html: str
    def __init__(self, ordinal: _Optional[int] = ..., kind: _Optional[_Union[ElementKind, str]] = ..., text: _Optional[str] = ..., page: _Optional[int] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., level: _Optional[int] = ..., heading_path: _Optional[_Iterable[str]] = ..., boxes: _Optional[_Iterable[_Union[BoundingBox, _Mapping]]] = ..., html: _Optional[str] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("ordinal", "text", "context", "start", "end", "page", "page_end", "heading_path", "kind", "boxes", "token_count", "parent_text", "parent_start")
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    PAGE_END_FIELD_NUMBER: _ClassVar[int]
    HEADING_PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    TOKEN_COUNT_FIELD_NUMBER: _ClassVar[int]
    PARENT_TEXT_FIELD_NUMBER: _ClassVar[int]
    PARENT_START_FIELD_NUMBER: _ClassVar[int]
    ordinal: int
    text: str
    context: str
    start: int
    end: int
    page: int
    page_end: int
    heading_path: _containers.RepeatedScalarFieldContainer[str]
    kind: ElementKind
    boxes: _containers.RepeatedCompositeFieldContainer[BoundingBox]
    token_count: int
    parent_text: str
    parent_start: int
    def __init__(self, ordinal: _Optional[int] = ..., text: _Optional[str] = ..., context: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., page: _Optional[int] = ..., page_end: _Optional[int] = ..., heading_path: _Optional[_Iterable[str]] = ..., kind: _Optional[_Union[ElementKind, str]] = ..., boxes: _Optional[_Iterable[_Union[BoundingBox, _Mapping]]] = ..., token_count: _Optional[int] = ..., parent_text: _Optional[str] = ..., parent_start: _Optional[int] = ...) -> None: ...

class PageVerdict(_message.Message):
    __slots__ = ("page", "outcome", "characters")
    PAGE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    page: int
    outcome: PageOutcome
    characters: int
    def __init__(self, page: _Optional[int] = ..., outcome: _Optional[_Union[PageOutcome, str]] = ..., characters: _Optional[int] = ...) -> None: ...

class Properties(_message.Message):
    __slots__ = ("title", "authors", "created_at", "modified_at", "subject", "keywords")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    AUTHORS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_AT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    KEYWORDS_FIELD_NUMBER: _ClassVar[int]
    title: str
    authors: _containers.RepeatedScalarFieldContainer[str]
    created_at: str
    modified_at: str
    subject: str
    keywords: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, title: _Optional[str] = ..., authors: _Optional[_Iterable[str]] = ..., created_at: _Optional[str] = ..., modified_at: _Optional[str] = ..., subject: _Optional[str] = ..., keywords: _Optional[_Iterable[str]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("ordinal", "start", "text", "elements", "chunks", "pages")
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    ordinal: int
    start: int
    text: str
    elements: _containers.RepeatedCompositeFieldContainer[Element]
    chunks: _containers.RepeatedCompositeFieldContainer[Chunk]
    pages: _containers.RepeatedCompositeFieldContainer[PageVerdict]
    def __init__(self, ordinal: _Optional[int] = ..., start: _Optional[int] = ..., text: _Optional[str] = ..., elements: _Optional[_Iterable[_Union[Element, _Mapping]]] = ..., chunks: _Optional[_Iterable[_Union[Chunk, _Mapping]]] = ..., pages: _Optional[_Iterable[_Union[PageVerdict, _Mapping]]] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("pages_read", "pages_empty", "pages_garbled", "pages_skipped", "pages_ocr", "characters", "truncations", "language", "route", "warnings", "media_type")
    PAGES_READ_FIELD_NUMBER: _ClassVar[int]
    PAGES_EMPTY_FIELD_NUMBER: _ClassVar[int]
    PAGES_GARBLED_FIELD_NUMBER: _ClassVar[int]
    PAGES_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    PAGES_OCR_FIELD_NUMBER: _ClassVar[int]
    CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATIONS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    pages_read: int
    pages_empty: int
    pages_garbled: int
    pages_skipped: int
    pages_ocr: int
    characters: int
    truncations: int
    language: str
    route: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    media_type: str
    def __init__(self, pages_read: _Optional[int] = ..., pages_empty: _Optional[int] = ..., pages_garbled: _Optional[int] = ..., pages_skipped: _Optional[int] = ..., pages_ocr: _Optional[int] = ..., characters: _Optional[int] = ..., truncations: _Optional[int] = ..., language: _Optional[str] = ..., route: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ..., media_type: _Optional[str] = ...) -> None: ...
