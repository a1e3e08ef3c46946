"""Asks the caller for vectors, since the parser has no way to the embedder."""

from typing import TYPE_CHECKING

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking.chunkers import Vectors
from lorekeep_parser.peer import Peer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTES_OF_A_NUMBER = 4


def vectors_through(peer: Peer, kind: type[parser_pb2.ParseResponse] | type[parser_pb2.ChunkResponse]) -> Vectors:
    """Asks within the call whose answers are of that kind."""

    def ask(texts: list[str]) -> "NDArray[np.float32]":
        required = parser_pb2.VectorsRequired(texts=texts)
        peer.respond(kind(vectors_required=required).SerializeToString())
        return _answer(peer, len(texts))

    return ask


def _answer(peer: Peer, count: int) -> "NDArray[np.float32]":
    """As many rows as texts; InvalidInput where the caller sent something else."""
    import numpy as np

    vectors = parser_pb2.Vectors.FromString(peer.vectors())
    size = len(vectors.vectors)
    if not vectors.dimensions or size != count * vectors.dimensions * _BYTES_OF_A_NUMBER:
        raise InvalidInput(
            f"`vectors` must hold {count} vectors of `dimensions` numbers of {_BYTES_OF_A_NUMBER} bytes each.",
            field="vectors",
        )
    return np.frombuffer(vectors.vectors, dtype="<f4").reshape(count, vectors.dimensions)
