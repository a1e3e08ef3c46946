"""Which reranker answers."""

from lorekeep_chassis.errors import NotFound
from lorekeep_embedder.models.loaded_model import LoadedModel
from lorekeep_embedder.models.shelf import Shelf

OFF = "off"


class Rerankers:
    """Names of rerankers. `default` answers where a caller names none: a name, `off`, or empty for the first here."""

    def __init__(self, shelf: Shelf[LoadedModel], default: str) -> None:
        self._shelf = shelf
        self._default = default

    async def named(self, name: str) -> str:
        """The one that a caller means; NotFound `reranker_missing` where none is installed, or reranking is off."""
        if self._default == OFF:
            raise NotFound(
                "Reranking is turned off here. Search without it, or set LOREKEEP_RERANK_MODEL to a reranker.",
                reason="reranker_missing",
            )
        wanted = name or self._default
        if wanted:
            return wanted
        first = await self._shelf.first("reranker")
        if first is None:
            raise NotFound(
                "No reranker is installed here. Search without reranking, or install one of `lorekeep models list`.",
                reason="reranker_missing",
            )
        # Looking for files costs a thread; one that is pulled later is found later, one that was found stays.
        self._default = first
        return first
