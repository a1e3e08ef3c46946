"""Routes of webhooks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from lorekeep_chassis import errors
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.cursors import Cursor, Limit, cursor_of, place_of
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas import webhooks as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.idempotency import checked_key
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.webhooks import Webhooks

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

Manager = Depends(caller("manage"))
WebhookRef = Annotated[str, Path(description="Webhook by id.", min_length=1, max_length=64)]
DeliveryRef = Annotated[str, Path(description="Delivery by id.", min_length=1, max_length=64)]
Status = Annotated[shapes.DeliveryStatus | None, Query(description="Only deliveries of this status.")]


@router.post("", status_code=201, responses=failures(404, 409, 429), summary="Make a webhook")
async def create(
    body: shapes.NewWebhook, request: Request, response: Response, key: Key = None, principal: Principal = Manager
) -> shapes.SecretWebhook:
    """Makes a webhook and shows its secret, this once. A workspace has at most 20; a key that is bound to collections
    names the one that is told of."""
    collection_id = await _collection_id(request, principal, body.collection)
    made, secret = await _webhooks(request, principal).add(body.url, body.events, collection_id, checked_key(key))
    response.headers["Location"] = f"/api/v1/webhooks/{made['id']}"
    return shapes.with_secret(made, secret)


@router.get("", responses=failures(), summary="List webhooks")
async def page(
    request: Request, limit: Limit = 50, cursor: Cursor = None, principal: Principal = Manager
) -> shapes.WebhookPage:
    """The webhooks that the key may see, oldest first."""
    rows = await _webhooks(request, principal).page(place_of(cursor, "") or "", limit + 1)
    further = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return shapes.WebhookPage(webhooks=[shapes.of_row(row) for row in rows[:limit]], next_cursor=further)


@router.get("/{webhook}", responses=failures(404), summary="Show a webhook")
async def show(request: Request, webhook: WebhookRef, principal: Principal = Manager) -> shapes.Webhook:
    """One webhook, without its secret."""
    return shapes.of_row(await _webhooks(request, principal).one(webhook))


@router.patch("/{webhook}", responses=failures(404), summary="Change a webhook")
async def change(
    body: shapes.WebhookChange, request: Request, webhook: WebhookRef, principal: Principal = Manager
) -> shapes.Webhook:
    """Changes URL and events, and switches it on and off. Deliveries that wait for an inactive webhook fail; they may
    be replayed once it is active again."""
    return shapes.of_row(await _webhooks(request, principal).change(webhook, body.url, body.events, body.active))


@router.post("/{webhook}/rotate", responses=failures(404), summary="Give a webhook a new secret")
async def rotate(request: Request, webhook: WebhookRef, principal: Principal = Manager) -> shapes.SecretWebhook:
    """A new secret, shown this once. What is sent from now on, repeats included, is signed by it."""
    return shapes.with_secret(*await _webhooks(request, principal).rotate(webhook))


@router.delete("/{webhook}", status_code=204, responses=failures(404), summary="Delete a webhook")
async def delete(request: Request, webhook: WebhookRef, principal: Principal = Manager) -> None:
    """Deletes a webhook with all of its deliveries."""
    await _webhooks(request, principal).remove(webhook)


@router.get("/{webhook}/deliveries", responses=failures(404), summary="List deliveries")
async def deliveries(
    request: Request,
    webhook: WebhookRef,
    status: Status = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    principal: Principal = Manager,
) -> shapes.DeliveryPage:
    """What a webhook was told or is to be told, newest first. One that has ended is kept for 30 days."""
    rows = await _webhooks(request, principal).deliveries(webhook, status, place_of(cursor, None), limit + 1)
    further = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return shapes.DeliveryPage(deliveries=[shapes.delivery_of_row(row) for row in rows[:limit]], next_cursor=further)


@router.post(
    "/{webhook}/deliveries/{delivery}/replay", status_code=202, responses=failures(404, 409), summary="Send again"
)
async def replay(
    request: Request, webhook: WebhookRef, delivery: DeliveryRef, principal: Principal = Manager
) -> shapes.Delivery:
    """Sends a delivery again under its id, with as many attempts as a new one. One that waits is sent at once."""
    return shapes.delivery_of_row(await _webhooks(request, principal).replay(webhook, delivery))


def _webhooks(request: Request, principal: Principal) -> Webhooks:
    return Webhooks(parts_of(request).database, principal)


async def _collection_id(request: Request, principal: Principal, reference: str | None) -> str | None:
    if reference is not None:
        return str((await catalogue.collection(parts_of(request), principal, reference))["id"])
    if principal.collection_ids is not None:
        raise errors.PermissionDenied(
            "The key is bound to its collections, so the webhook names one of them.", reason="bound_key"
        )
    return None
