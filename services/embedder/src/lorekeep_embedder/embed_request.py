"""What a request to embed must be like before anything is done for it."""

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.channels import MAX_MESSAGE_BYTES
from lorekeep_chassis.errors import InvalidInput, TooLarge
from lorekeep_embedder.registry import ModelSpec

MAX_TEXTS = 1024


def texts_of(request: embedder_pb2.EmbedRequest, spec: ModelSpec) -> list[str]:
    """The texts as the model reads them, prompts included; InvalidInput or TooLarge where the contract is broken."""
    if request.purpose == embedder_pb2.PURPOSE_UNSPECIFIED:
        raise InvalidInput("The purpose of the texts is missing. Say query or passage.", field="purpose")
    _check_size(request)
    for index, text in enumerate(request.texts):
        if not text.strip():
            raise InvalidInput(
                f"Text {index} is blank. Leave out texts without content.",
                reason="blank_text",
                field=f"texts[{index}]",
            )
    prompt = spec.prompt(request.purpose)
    return [prompt + text for text in request.texts]


def _check_size(request: embedder_pb2.EmbedRequest) -> None:
    if not request.texts:
        raise InvalidInput("There is no text to embed. Send 1 to 1,024.", reason="no_texts", field="texts")
    if len(request.texts) > MAX_TEXTS:
        raise TooLarge(
            f"{len(request.texts)} texts are more than a request may hold. Send at most {MAX_TEXTS} at once.",
            reason="too_many_texts",
            field="texts",
        )
    if sum(len(text.encode()) for text in request.texts) > MAX_MESSAGE_BYTES:
        raise TooLarge("The texts are together over 4 MB. Send fewer at once.", field="texts")
