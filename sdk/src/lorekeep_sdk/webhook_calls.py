"""Calls about webhooks. What receives them checks messages with `lorekeep_sdk.webhooks.verify`."""

from collections.abc import AsyncIterator, Sequence
from typing import cast
from urllib.parse import quote

from lorekeep_sdk.answers import Delivery, Webhook
from lorekeep_sdk.collection_calls import delete, pages
from lorekeep_sdk.transport import Transport, given, new_key

_PATH = "/api/v1/webhooks"
EVENTS = ("job.succeeded", "job.failed", "job.cancelled")


class AsyncWebhooks:
    """Webhooks: addresses that the service tells of jobs that have ended."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        url: str,
        *,
        events: Sequence[str] = EVENTS,
        collection: str | None = None,
        idempotency_key: str | None = None,
    ) -> Webhook:
        """A new webhook, of one collection or of all; its `secret` is given here and never again."""
        body = given(url=url, events=list(events), collection=collection)
        key = idempotency_key or new_key()
        return cast(Webhook, await self._transport.json("POST", _PATH, body=body, idempotency_key=key))

    async def list(self) -> AsyncIterator[Webhook]:
        """All webhooks, fetched page by page."""
        async for each in pages(self._transport, _PATH, "webhooks"):
            yield cast(Webhook, each)

    async def get(self, webhook_id: str) -> Webhook:
        """One webhook, without its secret; NotFound where there is none."""
        return cast(Webhook, await self._transport.json("GET", _path(webhook_id)))

    async def change(
        self,
        webhook_id: str,
        *,
        active: bool | None = None,
        events: Sequence[str] | None = None,
        url: str | None = None,
    ) -> Webhook:
        """Changes what is given; one that is not active is told nothing."""
        body = given(active=active, events=None if events is None else list(events), url=url)
        return cast(Webhook, await self._transport.json("PATCH", _path(webhook_id), body=body))

    async def delete(self, webhook_id: str) -> None:
        """Deletes a webhook with its deliveries."""
        await delete(self._transport, _path(webhook_id), webhook_id)

    async def rotate(self, webhook_id: str, *, idempotency_key: str | None = None) -> Webhook:
        """Gives it a new `secret`, told here and never again."""
        key = idempotency_key or new_key()
        return cast(Webhook, await self._transport.json("POST", f"{_path(webhook_id)}/rotate", idempotency_key=key))

    async def deliveries(self, webhook_id: str, *, page_size: int | None = None) -> AsyncIterator[Delivery]:
        """What was sent to a webhook, newest first, fetched page by page."""
        path = f"{_path(webhook_id)}/deliveries"
        async for each in pages(self._transport, path, "deliveries", given(limit=page_size)):
            yield cast(Delivery, each)

    async def replay(self, webhook_id: str, delivery_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Sends a message again, under the same id."""
        path = f"{_path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/replay"
        key = idempotency_key or new_key()
        return cast(Delivery, await self._transport.json("POST", path, idempotency_key=key))


def _path(webhook_id: str) -> str:
    return f"{_PATH}/{quote(webhook_id, safe='')}"
