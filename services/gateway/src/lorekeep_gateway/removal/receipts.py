"""What a removal tells: counts per store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Receipt:
    """What was removed. `finished` is false where the janitor goes on."""

    finished: bool = True
    documents: int = 0
    versions: int = 0
    blobs: int = 0
    segments: int = 0
    chunks: int = 0
    jobs: int = 0
    cache_entries: int = 0

    def __add__(self, other: "Receipt") -> "Receipt":
        mine, its = self.counts, other.counts
        return Receipt(self.finished and other.finished, **{name: mine[name] + its[name] for name in mine})

    @property
    def counts(self) -> dict[str, int]:
        """The counts by store."""
        return {name: count for name, count in asdict(self).items() if name != "finished"}

    @classmethod
    def of_counts(cls, counts: Mapping[str, int], *, finished: bool = True) -> "Receipt":
        """A receipt of counts as they were kept."""
        return cls(finished, **counts)
