from lorekeep.document.v1 import document_pb2 as _document_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChunkStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHUNK_STRATEGY_UNSPECIFIED: _ClassVar[ChunkStrategy]
    CHUNK_STRATEGY_BY_TITLE: _ClassVar[ChunkStrategy]
    CHUNK_STRATEGY_RECURSIVE: _ClassVar[ChunkStrategy]
    CHUNK_STRATEGY_FIXED: _ClassVar[ChunkStrategy]
    CHUNK_STRATEGY_MARKDOWN: _ClassVar[ChunkStrategy]
    CHUNK_STRATEGY_SEMANTIC: _ClassVar[ChunkStrategy]
    CHUNK_STRATEGY_HIERARCHICAL: _ClassVar[ChunkStrategy]

class ChunkUnit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHUNK_UNIT_UNSPECIFIED: _ClassVar[ChunkUnit]
    CHUNK_UNIT_TOKENS: _ClassVar[ChunkUnit]
    CHUNK_UNIT_CHARACTERS: _ClassVar[ChunkUnit]

class ReadStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    READ_STRATEGY_UNSPECIFIED: _ClassVar[ReadStrategy]
    READ_STRATEGY_AUTO: _ClassVar[ReadStrategy]
    READ_STRATEGY_FAST: _ClassVar[ReadStrategy]
    READ_STRATEGY_OCR_ONLY: _ClassVar[ReadStrategy]
    READ_STRATEGY_HI_RES: _ClassVar[ReadStrategy]
CHUNK_STRATEGY_UNSPECIFIED: ChunkStrategy
CHUNK_STRATEGY_BY_TITLE: ChunkStrategy
CHUNK_STRATEGY_RECURSIVE: ChunkStrategy
CHUNK_STRATEGY_FIXED: ChunkStrategy
CHUNK_STRATEGY_MARKDOWN: ChunkStrategy
CHUNK_STRATEGY_SEMANTIC: ChunkStrategy
CHUNK_STRATEGY_HIERARCHICAL: ChunkStrategy
CHUNK_UNIT_UNSPECIFIED: ChunkUnit
CHUNK_UNIT_TOKENS: ChunkUnit
CHUNK_UNIT_CHARACTERS: ChunkUnit
READ_STRATEGY_UNSPECIFIED: ReadStrategy
READ_STRATEGY_AUTO: ReadStrategy
READ_STRATEGY_FAST: ReadStrategy
READ_STRATEGY_OCR_ONLY: ReadStrategy
READ_STRATEGY_HI_RES: ReadStrategy

class ChunkOptions(_message.Message):
    __slots__ = ("max_tokens", "overlap_tokens", "min_tokens", "tokenizer_fingerprint", "strategy", "prefix", "unit")
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MIN_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    max_tokens: int
    overlap_tokens: int
    min_tokens: int
    tokenizer_fingerprint: str
    strategy: ChunkStrategy
    prefix: str
    unit: ChunkUnit
    def __init__(self, max_tokens: _Optional[int] = ..., overlap_tokens: _Optional[int] = ..., min_tokens: _Optional[int] = ..., tokenizer_fingerprint: _Optional[str] = ..., strategy: _Optional[_Union[ChunkStrategy, str]] = ..., prefix: _Optional[str] = ..., unit: _Optional[_Union[ChunkUnit, str]] = ...) -> None: ...

class ParseStart(_message.Message):
    __slots__ = ("name", "declared_media_type", "size_bytes", "chunk_options", "batch_pages", "resume_state", "last_page", "strategy", "languages", "attachments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DECLARED_MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHUNK_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BATCH_PAGES_FIELD_NUMBER: _ClassVar[int]
    RESUME_STATE_FIELD_NUMBER: _ClassVar[int]
    LAST_PAGE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    declared_media_type: str
    size_bytes: int
    chunk_options: ChunkOptions
    batch_pages: int
    resume_state: bytes
    last_page: int
    strategy: ReadStrategy
    languages: _containers.RepeatedScalarFieldContainer[str]
    attachments: bool
    def __init__(self, name: _Optional[str] = ..., declared_media_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., chunk_options: _Optional[_Union[ChunkOptions, _Mapping]] = ..., batch_pages: _Optional[int] = ..., resume_state: _Optional[bytes] = ..., last_page: _Optional[int] = ..., strategy: _Optional[_Union[ReadStrategy, str]] = ..., languages: _Optional[_Iterable[str]] = ..., attachments: _Optional[bool] = ...) -> None: ...

class ParseRequest(_message.Message):
    __slots__ = ("start", "data", "tokenizer_data", "tokenizer_end", "vectors")
    START_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_DATA_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_END_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    start: ParseStart
    data: bytes
    tokenizer_data: bytes
    tokenizer_end: TokenizerEnd
    vectors: Vectors
    def __init__(self, start: _Optional[_Union[ParseStart, _Mapping]] = ..., data: _Optional[bytes] = ..., tokenizer_data: _Optional[bytes] = ..., tokenizer_end: _Optional[_Union[TokenizerEnd, _Mapping]] = ..., vectors: _Optional[_Union[Vectors, _Mapping]] = ...) -> None: ...

class TokenizerEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VectorsRequired(_message.Message):
    __slots__ = ("texts",)
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, texts: _Optional[_Iterable[str]] = ...) -> None: ...

class Vectors(_message.Message):
    __slots__ = ("vectors", "dimensions")
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    vectors: bytes
    dimensions: int
    def __init__(self, vectors: _Optional[bytes] = ..., dimensions: _Optional[int] = ...) -> None: ...

class Attachment(_message.Message):
    __slots__ = ("ordinal", "name", "declared_media_type", "size_bytes")
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DECLARED_MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ordinal: int
    name: str
    declared_media_type: str
    size_bytes: int
    def __init__(self, ordinal: _Optional[int] = ..., name: _Optional[str] = ..., declared_media_type: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class Accepted(_message.Message):
    __slots__ = ("tokenizer_required",)
    TOKENIZER_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    tokenizer_required: bool
    def __init__(self, tokenizer_required: _Optional[bool] = ...) -> None: ...

class BatchEnd(_message.Message):
    __slots__ = ("pages_done", "pages_total", "resume_state", "segment")
    PAGES_DONE_FIELD_NUMBER: _ClassVar[int]
    PAGES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    RESUME_STATE_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    pages_done: int
    pages_total: int
    resume_state: bytes
    segment: _document_pb2.Segment
    def __init__(self, pages_done: _Optional[int] = ..., pages_total: _Optional[int] = ..., resume_state: _Optional[bytes] = ..., segment: _Optional[_Union[_document_pb2.Segment, _Mapping]] = ...) -> None: ...

class Finished(_message.Message):
    __slots__ = ("verdict", "element_count", "chunk_count", "properties", "attachment_count")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    verdict: _document_pb2.Verdict
    element_count: int
    chunk_count: int
    properties: _document_pb2.Properties
    attachment_count: int
    def __init__(self, verdict: _Optional[_Union[_document_pb2.Verdict, _Mapping]] = ..., element_count: _Optional[int] = ..., chunk_count: _Optional[int] = ..., properties: _Optional[_Union[_document_pb2.Properties, _Mapping]] = ..., attachment_count: _Optional[int] = ...) -> None: ...

class ParseResponse(_message.Message):
    __slots__ = ("accepted", "element", "chunk", "batch_end", "finished", "vectors_required", "attachment", "attachment_data")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    BATCH_END_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    VECTORS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_DATA_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    element: _document_pb2.Element
    chunk: _document_pb2.Chunk
    batch_end: BatchEnd
    finished: Finished
    vectors_required: VectorsRequired
    attachment: Attachment
    attachment_data: bytes
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., element: _Optional[_Union[_document_pb2.Element, _Mapping]] = ..., chunk: _Optional[_Union[_document_pb2.Chunk, _Mapping]] = ..., batch_end: _Optional[_Union[BatchEnd, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ..., vectors_required: _Optional[_Union[VectorsRequired, _Mapping]] = ..., attachment: _Optional[_Union[Attachment, _Mapping]] = ..., attachment_data: _Optional[bytes] = ...) -> None: ...

class ChunkRequest(_message.Message):
    __slots__ = ("start", "segment", "tokenizer_data", "tokenizer_end", "vectors", "segments_end")
    START_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_DATA_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_END_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_END_FIELD_NUMBER: _ClassVar[int]
    start: ChunkOptions
    segment: _document_pb2.Segment
    tokenizer_data: bytes
    tokenizer_end: TokenizerEnd
    vectors: Vectors
    segments_end: SegmentsEnd
    def __init__(self, start: _Optional[_Union[ChunkOptions, _Mapping]] = ..., segment: _Optional[_Union[_document_pb2.Segment, _Mapping]] = ..., tokenizer_data: _Optional[bytes] = ..., tokenizer_end: _Optional[_Union[TokenizerEnd, _Mapping]] = ..., vectors: _Optional[_Union[Vectors, _Mapping]] = ..., segments_end: _Optional[_Union[SegmentsEnd, _Mapping]] = ...) -> None: ...

class SegmentsEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChunkResponse(_message.Message):
    __slots__ = ("accepted", "chunk", "vectors_required")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    VECTORS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    chunk: _document_pb2.Chunk
    vectors_required: VectorsRequired
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., chunk: _Optional[_Union[_document_pb2.Chunk, _Mapping]] = ..., vectors_required: _Optional[_Union[VectorsRequired, _Mapping]] = ...) -> None: ...
