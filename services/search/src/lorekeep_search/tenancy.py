"""The wall between organisations: a filter that cannot be made without one."""

from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import calls, errors

# A condition or a filter, in the JSON of Qdrant's filter language; both adapters turn it into their engine's own.
Condition = dict[str, Any]


def matches(key: str, value: str | int) -> Condition:
    """The condition that a payload key has, or holds, a value."""
    return {"key": key, "match": {"value": value}}


@dataclass(frozen=True)
class Within:
    """Conditions inside one organisation; PermissionDenied without one, so that a mistake finds nothing."""

    organisation_id: str
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not self.organisation_id.strip():
            raise errors.PermissionDenied(
                "The call names no organisation. Send it in the lorekeep-organisation metadata.",
                reason="organisation_required",
            )

    @property
    def filter(self) -> Condition:
        """The whole filter, the organisation first."""
        return {"must": [matches("organisation_id", self.organisation_id), *self.conditions]}

    def but(self, *conditions: Condition) -> "Within":
        """The same organisation with more conditions."""
        return Within(self.organisation_id, self.conditions + conditions)


def of_call(*conditions: Condition) -> Within:
    """The running call's organisation, which is the only one it can reach, with conditions."""
    return Within(calls.current().organisation_id, conditions)
