"""What the routes work with, made once at the start."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Request

from lorekeep_chassis.errors import LimitExceeded, Overloaded
from lorekeep_gateway.bell import Bell
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.chunking import Defaults
from lorekeep_gateway.components import Components
from lorekeep_gateway.http.job_watch import Watch
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.models import Models
from lorekeep_gateway.outbound.fetching import Outbound
from lorekeep_gateway.queue_bound import QueueBound
from lorekeep_gateway.removal import Removal
from lorekeep_gateway.settings import GatewaySettings
from lorekeep_gateway.store.database import Database


class Turnstile:
    """Lets `most` through at once and refuses the rest at once; of one organisation seven eighths of them, so that
    whoever holds its places for long, by sending slowly or by following many, shuts nobody else out."""

    def __init__(self, most: int, what: str) -> None:
        self._left = most
        self._most_each = most - most // 8
        self._held: Counter[str] = Counter()
        self._what = what

    @contextmanager
    def passed(self, organisation_id: str) -> Iterator[None]:
        """Holds a place; Overloaded where none is left, LimitExceeded where the organisation has all that it may."""
        if self._left == 0:
            raise Overloaded(f"Too many {self._what} at once. Try again shortly.", retry_after_seconds=1.0)
        if self._held[organisation_id] >= self._most_each:
            message = f"Your organisation has too many {self._what} at once. Let some of them end first."
            raise LimitExceeded(message, retry_after_seconds=1.0)
        self._left -= 1
        self._held[organisation_id] += 1
        try:
            yield
        finally:
            self._left += 1
            self._held[organisation_id] -= 1
            if not self._held[organisation_id]:
                del self._held[organisation_id]


@dataclass(frozen=True)
class Parts:
    """Stores, callees and limits of one gateway."""

    settings: GatewaySettings
    database: Database
    blobs: Blobs
    callees: Callees
    components: Components
    bell: Bell
    queries: Turnstile
    uploads: Turnstile
    watch: Watch
    followers: Turnstile
    fetches: Turnstile
    previews: Turnstile
    models: Models
    queue: QueueBound
    outbound: Outbound
    readings: Turnstile

    @property
    def chunking(self) -> Defaults:
        """How documents are cut where their collection asks for nothing."""
        return Defaults.of_settings(self.settings)

    def removal(self, principal: Principal) -> Removal:
        """Removes what belongs to the principal's organisation."""
        return Removal(
            self.database,
            self.blobs,
            self.callees,
            principal.organisation_id,
            actor=principal.key_id,
            address=principal.address,
        )


def parts_of(request: Request) -> Parts:
    """The parts of the running application."""
    parts: Parts = request.app.state.parts
    return parts
