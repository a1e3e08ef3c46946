"""Whether an answer can be sent: a message holds 4 MB, and what cannot be sent is not computed."""

from collections.abc import Sequence

from lorekeep_chassis.channels import MAX_MESSAGE_BYTES
from lorekeep_chassis.errors import TooLarge
from lorekeep_embedder.backends.seam import Tokens

_BYTES_A_NUMBER = 4
# An index and a weight; and the framing of a message with two fields in a repeated field.
_BYTES_A_TERM, _BYTES_A_SPARSE_VECTOR = 8, 16


def check_dense(texts: int, dimensions: int) -> None:
    """TooLarge where so many vectors are over the bound."""
    most = MAX_MESSAGE_BYTES // (_BYTES_A_NUMBER * dimensions)
    if texts > most:
        raise TooLarge(
            f"{texts} vectors of {dimensions} numbers are over 4 MB. Send at most {most} texts at once.",
            reason="answer_too_large",
            field="texts",
        )


def check_sparse(texts: Sequence[Tokens], dimensions: int) -> None:
    """TooLarge where dense vectors and a term for every different token of the texts could be over the bound."""
    terms = sum(len(set(tokens.ids)) for tokens in texts)
    size = len(texts) * (_BYTES_A_NUMBER * dimensions + _BYTES_A_SPARSE_VECTOR) + terms * _BYTES_A_TERM
    if size > MAX_MESSAGE_BYTES:
        raise TooLarge(
            f"Dense and sparse vectors of these {len(texts)} texts could be over 4 MB. Send fewer texts at once: at "
            f"most {max(1, len(texts) * MAX_MESSAGE_BYTES // size)} like these.",
            reason="answer_too_large",
            field="texts",
        )
