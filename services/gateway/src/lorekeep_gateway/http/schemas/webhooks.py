"""Webhooks and their deliveries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from lorekeep_gateway.http.schemas.shape import Request, Shape, Text

Event = Literal["job.succeeded", "job.failed", "job.cancelled"]
DeliveryStatus = Literal["waiting", "delivered", "failed"]
Events = Annotated[list[Event], Field(min_length=1, max_length=3, description="Which ends of jobs are told.")]
Url = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=2048,
        description="http or https, at a public address; looked up each time that something is sent.",
        examples=["https://example.com/hooks/lorekeep"],
    ),
]
_COLLECTION_TOLD = "Name or id of the only collection that is told of; without one, all of the workspace are."


class NewWebhook(Request):
    """A webhook to be made."""

    url: Url
    events: Events
    collection: Text | None = Field(None, min_length=1, max_length=64, description=_COLLECTION_TOLD)


class WebhookChange(Request):
    """What to change; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    active: bool | None = Field(None, description="An inactive webhook is told nothing.")


class Webhook(Shape):
    """Who is told when jobs end."""

    id: str = Field(examples=["whk_01jd3v9k2m"])
    url: str
    events: list[str]
    active: bool = Field(description="False once switched off, answered with 410, or failed ten times in a row.")
    collection_id: str | None = Field(description="Null where all collections of the workspace are told of.")
    created_at: datetime


class SecretWebhook(Webhook):
    """A webhook with its secret, which is shown here alone."""

    secret: str | None = Field(description="Signs what is sent. Null where a repeat finds the webhook deleted since.")


class WebhookPage(Shape):
    """Webhooks, oldest first."""

    webhooks: list[Webhook]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class Delivery(Shape):
    """One end of a job, as one webhook is told of it."""

    id: str = Field(description="Sent along as X-Lorekeep-Delivery; the same each time that it is sent.")
    event: str
    status: DeliveryStatus
    attempt: int = Field(description="How often it was sent; nine times at most.")
    next_at: datetime | None = Field(description="When it is sent next; null once it has ended.")
    response_status: int | None = Field(description="Status of the last answer; null where there was none.")
    error: str | None = Field(description="Why the last attempt failed, as a stable word.", examples=["url_timeout"])
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Shape):
    """Deliveries, newest first."""

    deliveries: list[Delivery]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


def of_row(row: Mapping[str, Any]) -> Webhook:
    """A webhook as it is shown."""
    return Webhook(**{name: row[name] for name in Webhook.model_fields})


def with_secret(row: Mapping[str, Any], secret: str | None) -> SecretWebhook:
    """A webhook as it is shown once."""
    return SecretWebhook(secret=secret, **{name: row[name] for name in Webhook.model_fields})


def delivery_of_row(row: Mapping[str, Any]) -> Delivery:
    """A delivery as it is shown."""
    told = {name: row[name] for name in Delivery.model_fields}
    return Delivery(**{**told, "next_at": row["next_at"] if row["status"] == "waiting" else None})
