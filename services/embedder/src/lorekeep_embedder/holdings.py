"""What a lane holds between admission and answer, whole and by organisation, in whole numbers: it goes back to zero."""

from dataclasses import dataclass

from lorekeep_chassis.calls import Lane
from lorekeep_embedder import metrics


@dataclass(frozen=True, slots=True)
class Load:
    """Texts, their tokens and bytes, and the time that all sessions need for them."""

    texts: int = 0
    tokens: int = 0
    bytes: int = 0
    microseconds: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.texts + other.texts,
            self.tokens + other.tokens,
            self.bytes + other.bytes,
            self.microseconds + other.microseconds,
        )

    def __neg__(self) -> "Load":
        return Load(-self.texts, -self.tokens, -self.bytes, -self.microseconds)


NOTHING = Load()


class Holding:
    """What one request holds, until it ends."""

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
        self._holdings.add(self._organisation_id, load + -self.load)
        self.load = load

    def end(self) -> None:
        """Gives everything back."""
        self._holdings.add(self._organisation_id, -self.load)


class Holdings:
    """What a lane holds now."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.load = NOTHING
        self._of: dict[str, Load] = {}
        self._gauges = metrics.IN_FLIGHT_TEXTS.labels(lane), metrics.IN_FLIGHT_TOKENS.labels(lane)

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
        self._of[organisation_id] = own
        if own == NOTHING:
            del self._of[organisation_id]
        self._gauges[0].set(self.load.texts)
        self._gauges[1].set(self.load.tokens)
