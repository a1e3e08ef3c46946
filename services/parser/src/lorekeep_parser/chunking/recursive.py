"""Chunks cut at the largest break that fits, whatever the headings say."""

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking import packing
from lorekeep_parser.chunking.chunker import Chunker
from lorekeep_parser.chunking.pieces import Costs
from lorekeep_parser.chunking.tokens import Counter

# Ranks of breaks rather than costs: blank line, line, sentence, word. Behind a table's header is no break at all.
_BREAKS = Costs(
    element=0.0,
    list_item=0.0,
    row=0.1,
    sentence=0.2,
    line=0.1,
    word=0.3,
    introduction=0.0,
    torn=0.0,
    header=1.5,
    heading=0.0,
    whole=0.1,
)


class RecursiveChunker(Chunker):
    """Fills a chunk up to the last of the largest breaks in it."""

    def __init__(self, options: parser_pb2.ChunkOptions, counter: Counter) -> None:
        super().__init__(options, counter, _BREAKS, packing.cheapest_cut)
        self._lookahead = self._packer.sizes.capacity

    def _begins_section(self, element: document_pb2.Element) -> bool:
        return False
