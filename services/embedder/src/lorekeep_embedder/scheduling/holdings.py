"""What a lane holds between admission and answer, whole and by organisation, in whole numbers: it goes back to zero."""

from typing import NamedTuple

from lorekeep_chassis.calls import Lane
from lorekeep_embedder import metrics


class Load(NamedTuple):
    """Texts, their tokens and bytes, and the time that all sessions need for them.

    A tuple, since a request adds and takes away nine of them: each costs a third of what a frozen dataclass does.
    """

    texts: int = 0
    tokens: int = 0
    bytes: int = 0
    microseconds: int = 0

    def __add__(self, other: "Load") -> "Load":  # type: ignore[override]
        texts, tokens, size, microseconds = other
        return Load(self.texts + texts, self.tokens + tokens, self.bytes + size, self.microseconds + microseconds)

    def __sub__(self, other: "Load") -> "Load":
        texts, tokens, size, microseconds = other
        return Load(self.texts - texts, self.tokens - tokens, self.bytes - size, self.microseconds - microseconds)


NOTHING = Load()


class Holding:
    """What one request holds, until it ends."""

    __slots__ = ("_holdings", "_organisation_id", "load")

    def __init__(self, holdings: "Holdings", organisation_id: str, load: Load) -> None:
        self._holdings = holdings
        self._organisation_id = organisation_id
        self.load = load
        holdings.add(organisation_id, load)

    @property
    def lane(self) -> Lane:
        """Where it is held."""
        return self._holdings.lane

    def change(self, load: Load) -> None:
        """Holds that instead."""
        self._holdings.add(self._organisation_id, load - self.load)
        self.load = load

    def end(self) -> None:
        """Gives everything back."""
        self._holdings.add(self._organisation_id, NOTHING - self.load)


class Holdings:
    """What a lane holds now, as the metrics say whenever they are asked."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.load = NOTHING
        self._of: dict[str, Load] = {}
        metrics.IN_FLIGHT_TEXTS.labels(lane).set_function(lambda: self.load.texts)
        metrics.IN_FLIGHT_TOKENS.labels(lane).set_function(lambda: self.load.tokens)

    @property
    def organisations(self) -> int:
        """How many hold something."""
        return len(self._of)

    def of(self, organisation_id: str) -> Load:
        """What an organisation holds."""
        return self._of.get(organisation_id, NOTHING)

    def add(self, organisation_id: str, load: Load) -> None:
        """Adds to what an organisation holds."""
        self.load += load
        own = self.of(organisation_id) + load
        if own == NOTHING:
            self._of.pop(organisation_id, None)
        else:
            self._of[organisation_id] = own
