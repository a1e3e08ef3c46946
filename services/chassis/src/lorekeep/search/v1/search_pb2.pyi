from lorekeep.document.v1 import document_pb2 as _document_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FieldType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIELD_TYPE_UNSPECIFIED: _ClassVar[FieldType]
    FIELD_TYPE_STRING: _ClassVar[FieldType]
    FIELD_TYPE_INTEGER: _ClassVar[FieldType]
    FIELD_TYPE_NUMBER: _ClassVar[FieldType]
    FIELD_TYPE_BOOLEAN: _ClassVar[FieldType]
    FIELD_TYPE_DATETIME: _ClassVar[FieldType]

class Comparison(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPARISON_UNSPECIFIED: _ClassVar[Comparison]
    COMPARISON_EQ: _ClassVar[Comparison]
    COMPARISON_NE: _ClassVar[Comparison]
    COMPARISON_IN: _ClassVar[Comparison]
    COMPARISON_GT: _ClassVar[Comparison]
    COMPARISON_GTE: _ClassVar[Comparison]
    COMPARISON_LT: _ClassVar[Comparison]
    COMPARISON_LTE: _ClassVar[Comparison]

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_HYBRID: _ClassVar[Mode]
    MODE_DENSE: _ClassVar[Mode]
    MODE_LEXICAL: _ClassVar[Mode]
FIELD_TYPE_UNSPECIFIED: FieldType
FIELD_TYPE_STRING: FieldType
FIELD_TYPE_INTEGER: FieldType
FIELD_TYPE_NUMBER: FieldType
FIELD_TYPE_BOOLEAN: FieldType
FIELD_TYPE_DATETIME: FieldType
COMPARISON_UNSPECIFIED: Comparison
COMPARISON_EQ: Comparison
COMPARISON_NE: Comparison
COMPARISON_IN: Comparison
COMPARISON_GT: Comparison
COMPARISON_GTE: Comparison
COMPARISON_LT: Comparison
COMPARISON_LTE: Comparison
MODE_UNSPECIFIED: Mode
MODE_HYBRID: Mode
MODE_DENSE: Mode
MODE_LEXICAL: Mode

class IndexSpace(_message.Message):
    __slots__ = ("model", "fingerprint", "dimensions", "distance")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    model: str
    fingerprint: str
    dimensions: int
    distance: str
    def __init__(self, model: _Optional[str] = ..., fingerprint: _Optional[str] = ..., dimensions: _Optional[int] = ..., distance: _Optional[str] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("name", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: FieldType
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[FieldType, str]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("string_value", "integer_value", "number_value", "boolean_value")
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    INTEGER_VALUE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_VALUE_FIELD_NUMBER: _ClassVar[int]
    string_value: str
    integer_value: int
    number_value: float
    boolean_value: bool
    def __init__(self, string_value: _Optional[str] = ..., integer_value: _Optional[int] = ..., number_value: _Optional[float] = ..., boolean_value: _Optional[bool] = ...) -> None: ...

class FieldCondition(_message.Message):
    __slots__ = ("field", "comparison", "values")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field: Field
    comparison: Comparison
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, field: _Optional[_Union[Field, _Mapping]] = ..., comparison: _Optional[_Union[Comparison, str]] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class FilterList(_message.Message):
    __slots__ = ("filters",)
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    filters: _containers.RepeatedCompositeFieldContainer[Filter]
    def __init__(self, filters: _Optional[_Iterable[_Union[Filter, _Mapping]]] = ...) -> None: ...

class Filter(_message.Message):
    __slots__ = ("all", "any", "condition")
    ALL_FIELD_NUMBER: _ClassVar[int]
    ANY_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    all: FilterList
    any: FilterList
    condition: FieldCondition
    def __init__(self, all: _Optional[_Union[FilterList, _Mapping]] = ..., any: _Optional[_Union[FilterList, _Mapping]] = ..., condition: _Optional[_Union[FieldCondition, _Mapping]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("collection_id", "generation_id", "epoch")
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    collection_id: str
    generation_id: str
    epoch: int
    def __init__(self, collection_id: _Optional[str] = ..., generation_id: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("space", "targets", "query", "limit", "mode", "filter", "limit_per_document")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PER_DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    space: IndexSpace
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    query: str
    limit: int
    mode: Mode
    filter: Filter
    limit_per_document: int
    def __init__(self, space: _Optional[_Union[IndexSpace, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., query: _Optional[str] = ..., limit: _Optional[int] = ..., mode: _Optional[_Union[Mode, str]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., limit_per_document: _Optional[int] = ...) -> None: ...

class LegScores(_message.Message):
    __slots__ = ("dense", "lexical")
    DENSE_FIELD_NUMBER: _ClassVar[int]
    LEXICAL_FIELD_NUMBER: _ClassVar[int]
    dense: float
    lexical: float
    def __init__(self, dense: _Optional[float] = ..., lexical: _Optional[float] = ...) -> None: ...

class Hit(_message.Message):
    __slots__ = ("chunk", "score", "scores")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    chunk: IndexedChunk
    score: float
    scores: LegScores
    def __init__(self, chunk: _Optional[_Union[IndexedChunk, _Mapping]] = ..., score: _Optional[float] = ..., scores: _Optional[_Union[LegScores, _Mapping]] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("stage", "duration_ms")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    duration_ms: float
    def __init__(self, stage: _Optional[str] = ..., duration_ms: _Optional[float] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("hits", "stages")
    HITS_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[Hit]
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    def __init__(self, hits: _Optional[_Iterable[_Union[Hit, _Mapping]]] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ...) -> None: ...

class IndexedChunk(_message.Message):
    __slots__ = ("chunk_id", "collection_id", "document_id", "version_id", "document_name", "public_document_id", "chunk", "metadata_json")
    CHUNK_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    chunk_id: str
    collection_id: str
    document_id: str
    version_id: str
    document_name: str
    public_document_id: str
    chunk: _document_pb2.Chunk
    metadata_json: str
    def __init__(self, chunk_id: _Optional[str] = ..., collection_id: _Optional[str] = ..., document_id: _Optional[str] = ..., version_id: _Optional[str] = ..., document_name: _Optional[str] = ..., public_document_id: _Optional[str] = ..., chunk: _Optional[_Union[_document_pb2.Chunk, _Mapping]] = ..., metadata_json: _Optional[str] = ...) -> None: ...

class PrepareRequest(_message.Message):
    __slots__ = ("space", "fields")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    space: IndexSpace
    fields: _containers.RepeatedCompositeFieldContainer[Field]
    def __init__(self, space: _Optional[_Union[IndexSpace, _Mapping]] = ..., fields: _Optional[_Iterable[_Union[Field, _Mapping]]] = ...) -> None: ...

class PrepareResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("field", "values")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field: Field
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, field: _Optional[_Union[Field, _Mapping]] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class UpsertRequest(_message.Message):
    __slots__ = ("space", "generation_id", "chunks", "vectors", "attributes")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    space: IndexSpace
    generation_id: str
    chunks: _containers.RepeatedCompositeFieldContainer[IndexedChunk]
    vectors: bytes
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    def __init__(self, space: _Optional[_Union[IndexSpace, _Mapping]] = ..., generation_id: _Optional[str] = ..., chunks: _Optional[_Iterable[_Union[IndexedChunk, _Mapping]]] = ..., vectors: _Optional[bytes] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class UpsertResponse(_message.Message):
    __slots__ = ("chunk_count",)
    CHUNK_COUNT_FIELD_NUMBER: _ClassVar[int]
    chunk_count: int
    def __init__(self, chunk_count: _Optional[int] = ...) -> None: ...

class VersionStamp(_message.Message):
    __slots__ = ("version_id", "from_epoch", "to_epoch", "unseen_only")
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    TO_EPOCH_FIELD_NUMBER: _ClassVar[int]
    UNSEEN_ONLY_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    from_epoch: int
    to_epoch: int
    unseen_only: bool
    def __init__(self, version_id: _Optional[str] = ..., from_epoch: _Optional[int] = ..., to_epoch: _Optional[int] = ..., unseen_only: _Optional[bool] = ...) -> None: ...

class StampRequest(_message.Message):
    __slots__ = ("space", "collection_id", "stamps")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    STAMPS_FIELD_NUMBER: _ClassVar[int]
    space: IndexSpace
    collection_id: str
    stamps: _containers.RepeatedCompositeFieldContainer[VersionStamp]
    def __init__(self, space: _Optional[_Union[IndexSpace, _Mapping]] = ..., collection_id: _Optional[str] = ..., stamps: _Optional[_Iterable[_Union[VersionStamp, _Mapping]]] = ...) -> None: ...

class StampResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Scope(_message.Message):
    __slots__ = ("space", "collection_id", "document_id", "version_id")
    SPACE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    space: IndexSpace
    collection_id: str
    document_id: str
    version_id: str
    def __init__(self, space: _Optional[_Union[IndexSpace, _Mapping]] = ..., collection_id: _Optional[str] = ..., document_id: _Optional[str] = ..., version_id: _Optional[str] = ...) -> None: ...

class RemoveRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ...) -> None: ...

class RemoveResponse(_message.Message):
    __slots__ = ("chunk_count",)
    CHUNK_COUNT_FIELD_NUMBER: _ClassVar[int]
    chunk_count: int
    def __init__(self, chunk_count: _Optional[int] = ...) -> None: ...

class ListChunksRequest(_message.Message):
    __slots__ = ("scope", "from_ordinal", "limit")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FROM_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    from_ordinal: int
    limit: int
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., from_ordinal: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListChunksResponse(_message.Message):
    __slots__ = ("chunks",)
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    chunks: _containers.RepeatedCompositeFieldContainer[IndexedChunk]
    def __init__(self, chunks: _Optional[_Iterable[_Union[IndexedChunk, _Mapping]]] = ...) -> None: ...

class CountRequest(_message.Message):
    __slots__ = ("scope",)
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ...) -> None: ...

class CountResponse(_message.Message):
    __slots__ = ("chunk_count",)
    CHUNK_COUNT_FIELD_NUMBER: _ClassVar[int]
    chunk_count: int
    def __init__(self, chunk_count: _Optional[int] = ...) -> None: ...

class TallyRequest(_message.Message):
    __slots__ = ("scope", "after_version_id", "limit")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    AFTER_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    scope: Scope
    after_version_id: str
    limit: int
    def __init__(self, scope: _Optional[_Union[Scope, _Mapping]] = ..., after_version_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class VersionTally(_message.Message):
    __slots__ = ("version_id", "document_id", "chunk_count", "standing_count")
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_COUNT_FIELD_NUMBER: _ClassVar[int]
    STANDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    document_id: str
    chunk_count: int
    standing_count: int
    def __init__(self, version_id: _Optional[str] = ..., document_id: _Optional[str] = ..., chunk_count: _Optional[int] = ..., standing_count: _Optional[int] = ...) -> None: ...

class TallyResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[VersionTally]
    def __init__(self, versions: _Optional[_Iterable[_Union[VersionTally, _Mapping]]] = ...) -> None: ...

class ForgetRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ForgetResponse(_message.Message):
    __slots__ = ("entry_count",)
    ENTRY_COUNT_FIELD_NUMBER: _ClassVar[int]
    entry_count: int
    def __init__(self, entry_count: _Optional[int] = ...) -> None: ...
