"""Webhooks: who is told when jobs end, and how what is told is signed."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors
from lorekeep_gateway import organisations
from lorekeep_gateway.idempotency import Answer, Repeat, request_hash
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.outbound import urls
from lorekeep_gateway.store.database import Database, Session

MOST_PER_WORKSPACE = 20

Row = dict[str, Any]


def new_secret() -> str:
    """A secret that nobody has yet: `whsec_` and 256 random bits."""
    return f"whsec_{base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=')}"


def signature(secret: str, body: bytes, at: int) -> str:
    """The header that proves a body to be ours and of the time `at`."""
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True)
class Webhooks:
    """The webhooks that `principal` may see: its workspace's, or those of the collections that its key is bound to."""

    database: Database
    principal: Principal

    async def add(
        self, url: str, events: Sequence[str], collection_id: str | None, idempotency_key: str | None
    ) -> tuple[Row, str | None]:
        """A new webhook and its secret; a repeat gets the same, without a secret where the webhook is gone since."""
        urls.checked(url)
        mine = {"organisation_id": self.principal.organisation_id}
        # The secret is not kept with the answer, so another key must not get it by repeating the request.
        told = request_hash("webhook", self.principal.key_id, url, sorted(events), collection_id)
        repeat = Repeat(self.principal.organisation_id, idempotency_key, told, http_status=201)
        async with self.database.transaction() as session:
            made = await repeat.once(session, lambda: self._made(session, url, events, collection_id))
            return made, await session("webhook_secret", **mine, id=made["id"])

    async def page(self, after: str, limit: int) -> list[Row]:
        """Webhooks behind the id `after`, oldest first."""
        async with self.database.session() as session:
            return [dict(row) for row in await session("webhooks_page", **self._visible(), after=after, limit=limit)]

    async def one(self, webhook_id: str) -> Row:
        """A webhook; NotFound where there is none to see."""
        async with self.database.session() as session:
            return await self._found(session, webhook_id)

    async def change(self, webhook_id: str, url: str | None, events: Sequence[str] | None, active: bool | None) -> Row:
        """Changes what is given."""
        if url is not None:
            urls.checked(url)
        async with self.database.transaction() as session:
            mine = await self._mine(session, webhook_id)
            given = {"url": url, "events": _ordered(events), "active": active}
            changed = await session("webhook_change", **mine, **given)
            await self._audit(session, "webhook.changed", webhook_id)
        return dict(changed or _missing())

    async def rotate(self, webhook_id: str) -> tuple[Row, str]:
        """A webhook with a new secret, by which everything is signed from now on."""
        secret = new_secret()
        async with self.database.transaction() as session:
            mine = await self._mine(session, webhook_id)
            await session("webhook_rotate", **mine, secret=secret)
            await self._audit(session, "webhook.rotated", webhook_id)
            return await self._found(session, webhook_id), secret

    async def remove(self, webhook_id: str) -> None:
        """Ends a webhook with all of its deliveries."""
        async with self.database.transaction() as session:
            await session("webhook_remove", **await self._mine(session, webhook_id))
            await self._audit(session, "webhook.deleted", webhook_id)

    async def deliveries(self, webhook_id: str, status: str | None, before: str | None, limit: int) -> list[Row]:
        """Deliveries of a webhook before the delivery `before`, newest first."""
        asked = {"status": status, "before": before, "limit": limit}
        async with self.database.session() as session:
            found = await self._found(session, webhook_id)
            owner = {"organisation_id": self.principal.organisation_id, "webhook_id": found["id"]}
            return [dict(row) for row in await session("deliveries_page", **owner, **asked)]

    async def replay(self, webhook_id: str, delivery_id: str) -> Row:
        """Sends a delivery again, as often as a new one; one that waits is only sent at once."""
        async with self.database.transaction() as session:
            found = await self._found(session, webhook_id)
            if not found["active"]:
                raise errors.AlreadyExists(
                    'The webhook is not active. Activate it with PATCH {"active": true} first.',
                    reason="webhook_inactive",
                )
            owner = {"organisation_id": self.principal.organisation_id, "webhook_id": webhook_id}
            row = await session("delivery_replay", **owner, id=delivery_id)
        if row is None:
            raise errors.NotFound("There is no such delivery of this webhook.", reason="delivery_not_found")
        return dict(row)

    async def _made(self, session: Session, url: str, events: Sequence[str], collection_id: str | None) -> Answer:
        organisation_id, workspace_id = self.principal.organisation_id, self.principal.workspace_id
        await session("webhooks_hold", organisation_id=organisation_id, workspace_id=workspace_id)
        count = await session("webhooks_count", organisation_id=organisation_id, workspace_id=workspace_id)
        if count >= MOST_PER_WORKSPACE:
            raise errors.LimitExceeded(
                f"A workspace has at most {MOST_PER_WORKSPACE} webhooks. Delete one first.", reason="webhook_limit"
            )
        alive = {"organisation_id": organisation_id, "id": collection_id}
        if collection_id is not None and not await session("upload_collection_alive", **alive):
            raise errors.NotFound("There is no such collection.", reason="collection_not_found")
        made = await session(
            "webhook_add",
            id=new_id("whk"),
            organisation_id=organisation_id,
            workspace_id=workspace_id,
            collection_id=collection_id,
            url=url,
            secret=new_secret(),
            events=_ordered(events),
            actor=self.principal.key_id,
        )
        await self._audit(session, "webhook.created", made["id"])
        return {**made, "created_at": made["created_at"].isoformat()}

    async def _mine(self, session: Session, webhook_id: str) -> dict[str, str]:
        """A webhook's key, once it is sure that it may be seen."""
        found = await self._found(session, webhook_id)
        return {"organisation_id": self.principal.organisation_id, "id": found["id"]}

    async def _found(self, session: Session, webhook_id: str) -> Row:
        return dict(await session("webhook_shown", **self._visible(), id=webhook_id) or _missing())

    def _visible(self) -> dict[str, Any]:
        return {
            "organisation_id": self.principal.organisation_id,
            "workspace_id": self.principal.workspace_id,
            "allowed": self.principal.allowed,
        }

    async def _audit(self, session: Session, event: str, webhook_id: str) -> None:
        await organisations.audit(
            session, self.principal.organisation_id, event, webhook_id, actor=self.principal.key_id
        )


def _ordered(events: Sequence[str] | None) -> list[str] | None:
    return None if events is None else sorted(set(events))


def _missing() -> Row:
    raise errors.NotFound("There is no such webhook. List them with GET /api/v1/webhooks.", reason="webhook_not_found")
