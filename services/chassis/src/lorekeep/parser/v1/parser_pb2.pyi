from lorekeep.document.v1 import document_pb2 as _document_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChunkOptions(_message.Message):
    __slots__ = ("max_tokens", "overlap_tokens", "min_tokens", "tokenizer_fingerprint")
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MIN_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    max_tokens: int
    overlap_tokens: int
    min_tokens: int
    tokenizer_fingerprint: str
    def __init__(self, max_tokens: _Optional[int] = ..., overlap_tokens: _Optional[int] = ..., min_tokens: _Optional[int] = ..., tokenizer_fingerprint: _Optional[str] = ...) -> None: ...

class ParseStart(_message.Message):
    __slots__ = ("name", "declared_media_type", "size_bytes", "chunk_options", "batch_pages", "resume_state")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DECLARED_MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHUNK_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BATCH_PAGES_FIELD_NUMBER: _ClassVar[int]
    RESUME_STATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    declared_media_type: str
    size_bytes: int
    chunk_options: ChunkOptions
    batch_pages: int
    resume_state: bytes
    def __init__(self, name: _Optional[str] = ..., declared_media_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., chunk_options: _Optional[_Union[ChunkOptions, _Mapping]] = ..., batch_pages: _Optional[int] = ..., resume_state: _Optional[bytes] = ...) -> None: ...

class ParseRequest(_message.Message):
    __slots__ = ("start", "data", "tokenizer_data", "tokenizer_end")
    START_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_DATA_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_END_FIELD_NUMBER: _ClassVar[int]
    start: ParseStart
    data: bytes
    tokenizer_data: bytes
    tokenizer_end: TokenizerEnd
    def __init__(self, start: _Optional[_Union[ParseStart, _Mapping]] = ..., data: _Optional[bytes] = ..., tokenizer_data: _Optional[bytes] = ..., tokenizer_end: _Optional[_Union[TokenizerEnd, _Mapping]] = ...) -> None: ...

class TokenizerEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

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
    __slots__ = ("verdict", "element_count", "chunk_count")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_COUNT_FIELD_NUMBER: _ClassVar[int]
    verdict: _document_pb2.Verdict
    element_count: int
    chunk_count: int
    def __init__(self, verdict: _Optional[_Union[_document_pb2.Verdict, _Mapping]] = ..., element_count: _Optional[int] = ..., chunk_count: _Optional[int] = ...) -> None: ...

class ParseResponse(_message.Message):
    __slots__ = ("accepted", "element", "chunk", "batch_end", "finished")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    BATCH_END_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    element: _document_pb2.Element
    chunk: _document_pb2.Chunk
    batch_end: BatchEnd
    finished: Finished
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., element: _Optional[_Union[_document_pb2.Element, _Mapping]] = ..., chunk: _Optional[_Union[_document_pb2.Chunk, _Mapping]] = ..., batch_end: _Optional[_Union[BatchEnd, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ...) -> None: ...

class ChunkRequest(_message.Message):
    __slots__ = ("start", "segment", "tokenizer_data", "tokenizer_end")
    START_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_DATA_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_END_FIELD_NUMBER: _ClassVar[int]
    start: ChunkOptions
    segment: _document_pb2.Segment
    tokenizer_data: bytes
    tokenizer_end: TokenizerEnd
    def __init__(self, start: _Optional[_Union[ChunkOptions, _Mapping]] = ..., segment: _Optional[_Union[_document_pb2.Segment, _Mapping]] = ..., tokenizer_data: _Optional[bytes] = ..., tokenizer_end: _Optional[_Union[TokenizerEnd, _Mapping]] = ...) -> None: ...

class ChunkResponse(_message.Message):
    __slots__ = ("accepted", "chunk")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    chunk: _document_pb2.Chunk
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., chunk: _Optional[_Union[_document_pb2.Chunk, _Mapping]] = ...) -> None: ...
