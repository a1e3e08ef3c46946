"""Idempotency keys: a repeat of a creating call gets the answer of the first, for 24 hours.

Held and kept in the transaction of what the call makes, so that an answer is kept exactly when something was made.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors
from lorekeep_gateway.store.database import Session

Answer = dict[str, Any]


@dataclass(frozen=True)
class Repeat:
    """One call that may be a repeat: its organisation, its key (None where none was sent), the hash of its request."""

    organisation_id: str
    key: str | None
    request_hash: str
    http_status: int = 202

    async def once(self, session: Session, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The kept answer of an earlier call, or what `make` gives, kept from then on.

        AlreadyExists for another request under the key, or while one is being answered.
        """
        if self.key is None:
            return await make()
        stored = await self.kept(session)
        if stored is not None:
            return stored
        answer = await make()
        await session(
            "idempotency_keep",
            organisation_id=self.organisation_id,
            key=self.key,
            request_hash=self.request_hash,
            response=answer,
            http_status=self.http_status,
        )
        return answer

    async def kept(self, session: Session) -> Answer | None:
        """The kept answer of an earlier call, None where there is none. AlreadyExists as `once`."""
        if self.key is None:
            return None
        mine = {"organisation_id": self.organisation_id, "key": self.key}
        if not await session("idempotency_hold", **mine):
            raise errors.AlreadyExists(
                "A request with this Idempotency-Key is being answered. Repeat it shortly for its answer.",
                reason="idempotency_in_flight",
                retry_after_seconds=1.0,
            )
        found = await session("idempotency_found", **mine)
        if found is None:
            return None
        if found["request_hash"] != self.request_hash:
            raise errors.AlreadyExists(
                "This Idempotency-Key was used for another request. Take a new key for a new request.",
                reason="idempotency_key_reused",
            )
        return dict(found["response"])


def request_hash(*told: Any) -> str:
    """SHA-256 over what a request says, as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def checked_key(given: str | None) -> str | None:
    """An Idempotency-Key header: 1 to 255 printable characters."""
    if given is None:
        return None
    if not 1 <= len(given) <= 255 or not given.isprintable():
        raise errors.UnprocessableInput(
            "An Idempotency-Key has 1 to 255 printable characters.", field="Idempotency-Key"
        )
    return given
