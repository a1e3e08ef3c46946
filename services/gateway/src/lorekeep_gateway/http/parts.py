"""What the routes work with, made once at the start."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Request

from lorekeep_chassis.errors import Overloaded
from lorekeep_gateway.bell import Bell
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.components import Components
from lorekeep_gateway.http.job_watch import Watch
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.outbound.fetching import Outbound
from lorekeep_gateway.queue_bound import QueueBound
from lorekeep_gateway.removal import Removal
from lorekeep_gateway.settings import GatewaySettings
from lorekeep_gateway.store.database import Database


class Turnstile:
    """Lets `most` through at once and refuses the rest at once."""

    def __init__(self, most: int, what: str) -> None:
        self._left = most
        self._what = what

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Holds a place; Overloaded where none is left."""
        if self._left == 0:
            raise Overloaded(f"Too many {self._what} at once. Try again shortly.", retry_after_seconds=1.0)
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1


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
    queue: QueueBound
    outbound: Outbound

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
