"""What a request to embed must be like before anything is done for it."""

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.answering import answer_size
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.texts.text_lists import check_texts

_PURPOSES = (embedder_pb2.PURPOSE_QUERY, embedder_pb2.PURPOSE_PASSAGE)


def texts_of(request: embedder_pb2.EmbedRequest, spec: ModelSpec) -> list[str]:
    """The texts as the model reads them, prompts included; InvalidInput or TooLarge where the contract is broken."""
    if request.purpose not in _PURPOSES:
        raise InvalidInput("The purpose of the texts is missing or unknown. Say query or passage.", field="purpose")
    check_texts(request.texts)
    answer_size.check_dense(len(request.texts), dimensions_of(request, spec))
    if request.sparse and not spec.sparse:
        raise InvalidInput(
            f"{spec.name} makes no sparse vectors. Ask without `sparse`, or take a model whose `sparse` is true.",
            reason="sparse_not_offered",
            field="sparse",
        )
    prompt = spec.prompt(request.purpose)
    return [prompt + text for text in request.texts]


def dimensions_of(request: embedder_pb2.EmbedRequest, spec: ModelSpec) -> int:
    """Numbers that each vector of the answer has; InvalidInput where the model does not offer as many as asked for."""
    wanted = request.dimensions or spec.dimensions
    if wanted == spec.dimensions or wanted in spec.matryoshka_dimensions:
        return wanted
    offered = sorted({spec.dimensions, *spec.matryoshka_dimensions}, reverse=True)
    raise InvalidInput(
        f"{spec.name} does not offer vectors of {wanted} numbers. Ask for {', '.join(map(str, offered))}.",
        reason="dimensions_not_offered",
        field="dimensions",
    )
