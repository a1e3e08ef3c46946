"""Small chunks to be found by, each with the larger part that it stands in."""

from collections.abc import Iterator

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking.chunker import Chunker
from lorekeep_parser.chunking.packer import Measure, Packer, Taken
from lorekeep_parser.chunking.tokens import Counter

_CHILDREN = 4
_LEAST_CHILD = 32


class HierarchicalChunker(Chunker):
    """Parts of up to `max_tokens` are cut as `by_title` does, without overlap; each becomes chunks of a quarter."""

    def __init__(self, options: parser_pb2.ChunkOptions, counter: Counter) -> None:
        parents = parser_pb2.ChunkOptions()
        parents.CopyFrom(options)
        parents.overlap_tokens = 0
        super().__init__(parents, counter)
        most = min(options.max_tokens, max(_LEAST_CHILD, options.max_tokens // _CHILDREN))
        measure = Measure(counter, options.prefix)
        # A prefix may take most of a quarter: then a child is what the prefix leaves of the whole.
        most = max(most, min(options.max_tokens, measure.fixed + _LEAST_CHILD))
        room = measure.capacity(most)
        self._children = Packer(
            measure, most, min(options.overlap_tokens, room // 4), min(options.min_tokens, room // 2)
        )
        self._maker = self._children.maker

    def _chunks(self, taken: Taken) -> Iterator[document_pb2.Chunk]:
        part = self.section.part(taken.pieces)
        while part.has_fresh:
            chunk = self._chunk(self._children.taken(part, final=True))
            chunk.parent_text, chunk.parent_start = taken.text, taken.pieces[0].start
            yield chunk
