"""Counting chunks by version, a page of versions at a time, with memory for one page however many there are."""

from collections.abc import Mapping
from heapq import nsmallest

from lorekeep.search.v1 import search_pb2
from lorekeep_search.store import Payload, standing

KEYS = ("version_id", "document_id", "from_epoch", "to_epoch")


class Tallies:
    """The `limit` versions that come next behind `after`, by id, out of all that is told with `add`."""

    def __init__(self, after: str, limit: int) -> None:
        self._after = after
        self._limit = limit
        self._until = ""  # versions behind this one lie beyond the page; empty while the page has room
        self._versions: dict[str, search_pb2.VersionTally] = {}

    def add(self, payload: Payload) -> None:
        """Counts one point, unless its version is of another page."""
        version_id = payload["version_id"]
        if version_id <= self._after or (self._until and version_id > self._until):
            return
        tally = self._versions.get(version_id)
        if tally is None:
            tally = search_pb2.VersionTally(version_id=version_id, document_id=payload["document_id"])
            self._versions[version_id] = tally
            if len(self._versions) >= 2 * self._limit:
                self._shrink()
        tally.chunk_count += 1
        tally.standing_count += standing(payload)

    @property
    def page(self) -> list[search_pb2.VersionTally]:
        """What was counted, in order of version id."""
        return [self._versions[each] for each in self._first(self._versions)]

    def _shrink(self) -> None:
        """Drops what lies beyond the page for good: a version that is dropped never comes back, since the page's end
        only moves towards its beginning."""
        kept = self._first(self._versions)
        self._until = kept[-1]
        self._versions = {each: self._versions[each] for each in kept}

    def _first(self, versions: Mapping[str, search_pb2.VersionTally]) -> list[str]:
        return nsmallest(self._limit, versions)
