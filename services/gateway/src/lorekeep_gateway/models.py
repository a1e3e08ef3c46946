"""The embedding models as the gateway's public side knows them."""

import time
from collections.abc import Iterable

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.embedder.v1.embedder_pb2_grpc import EmbedderServiceStub
from lorekeep_chassis import calls, client_calls, errors

_KEPT_SECONDS = 60.0
_MISSED_SECONDS = 5.0
_GLANCE_SECONDS = 2.0
_NOBODY = calls.CallContext("", "", "models", calls.Lane.INTERACTIVE)


def of_name(models: Iterable[embedder_pb2.Model], name: str) -> embedder_pb2.Model | None:
    """The model of that name, with or without its owner (BAAI/bge-small-en-v1.5), the first for an empty one."""
    return next((each for each in models if name in ("", each.name) or name.endswith(f"/{each.name}")), None)


class Models:
    """Asks the embedder which models it serves. `default` is the name of the one for new collections, empty for the
    embedder's own."""

    def __init__(self, stub: EmbedderServiceStub, default: str) -> None:
        self._stub = stub
        self._default = default
        self._window_tokens: int | None = None
        self._until = 0.0

    async def named(self, name: str | None = None) -> embedder_pb2.Model:
        """The model of that name, or the one for new collections; Unavailable where the embedder does not say."""
        wanted = self._default if name is None else name
        with calls.calling_as(_NOBODY):
            async with client_calls.translated():
                answer: embedder_pb2.ListModelsResponse = await self._stub.ListModels(embedder_pb2.ListModelsRequest())
        model = of_name(answer.models, wanted)
        if model is None:
            raise errors.Unavailable("The collection's embedding model is not served now.", reason="model_unknown")
        return model

    async def window_tokens(self) -> int | None:
        """The window of the model for new collections, as it was within the last minute; None where the embedder does
        not say at once."""
        if time.monotonic() >= self._until:
            try:
                with calls.deadline(_GLANCE_SECONDS):
                    self._window_tokens = (await self.named()).window_tokens
                seconds = _KEPT_SECONDS
            except errors.LorekeepError:
                self._window_tokens, seconds = None, _MISSED_SECONDS
            self._until = time.monotonic() + seconds
        return self._window_tokens
