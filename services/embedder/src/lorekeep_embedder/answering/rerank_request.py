"""What a request to rerank must be like before anything is done for it, and its answer."""

from collections.abc import Sequence

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.answering.embed_answer import little_endian
from lorekeep_embedder.models.loaded_model import Computed, LoadedModel
from lorekeep_embedder.texts.text_lists import check_texts


def checked(request: embedder_pb2.RerankRequest) -> Sequence[str]:
    """The texts; InvalidInput or TooLarge where the contract is broken."""
    if not request.query or request.query.isspace():
        raise InvalidInput(
            "The query is blank. Say what the texts are scored against.", reason="blank_text", field="query"
        )
    check_texts(request.texts, beside=request.query)
    return list(request.texts)


def rerank_answer(model: LoadedModel, made: Computed) -> embedder_pb2.RerankResponse:
    """The answer to a request: a score a text."""
    return embedder_pb2.RerankResponse(
        scores=little_endian(made.outputs.vectors[:, 0]),
        model=model.description,
        token_count=made.token_count,
        truncated_count=made.truncated_count,
    )
