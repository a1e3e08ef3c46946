"""`lorekeep webhooks`: create, list, get, change, rotate, delete, deliveries, replay."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lorekeep_sdk.answers import Delivery, Webhook
from lorekeep_sdk.command.screen import console, plain_table, print_json, safe
from lorekeep_sdk.command.session import AsJson, Key, Url, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(no_args_is_help=True, help="Addresses that are told when jobs have ended.")

WebhookId = Annotated[str, typer.Argument(help="Webhook, by its id.", show_default=False)]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", help="job.succeeded, job.failed or job.cancelled; may be repeated.", show_default=False),
]


@app.command("create")
def create(
    address: Annotated[str, typer.Argument(help="Where messages are posted to.", show_default=False)],
    event: Events = None,
    collection: Annotated[str, typer.Option("--collection", "-c", help="Only its jobs.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Create a webhook and show its secret, this once. Without --event it is told of all."""
    from lorekeep_sdk.webhook_calls import EVENTS

    chosen = event or EVENTS
    made = run(url, key, lambda client: client.webhooks.create(address, events=chosen, collection=collection or None))
    _show(made, as_json)


@app.command("list")
def list_all(as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """List the webhooks."""

    async def work(client: "AsyncLorekeep") -> list[Webhook]:
        return [each async for each in client.webhooks.list()]

    found = run(url, key, work)
    if as_json:
        print_json({"webhooks": found})
    elif not found:
        console().print("No webhooks yet. `lorekeep webhooks create URL` makes one.")
    else:
        table = plain_table("webhook", "address", "events", "active")
        for each in found:
            active = "yes" if each.get("active", True) else "no"
            cells = (each["id"], each["url"], ", ".join(each["events"]), active)
            table.add_row(*(Text(safe(cell)) for cell in cells))
        console().print(table)


@app.command("get")
def get(webhook_id: WebhookId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show a webhook."""
    _show(run(url, key, lambda client: client.webhooks.get(webhook_id)), as_json)


@app.command("change")
def change(
    webhook_id: WebhookId,
    active: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is told.", show_default=False)] = None,
    event: Events = None,
    address: Annotated[str, typer.Option(help="A new address.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Change a webhook."""
    changed = run(
        url,
        key,
        lambda client: client.webhooks.change(webhook_id, active=active, events=event or None, url=address or None),
    )
    _show(changed, as_json)


@app.command("rotate")
def rotate(webhook_id: WebhookId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Give a webhook a new secret and show it, this once."""
    _show(run(url, key, lambda client: client.webhooks.rotate(webhook_id)), as_json)


@app.command("delete")
def delete(webhook_id: WebhookId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Delete a webhook with its deliveries."""
    run(url, key, lambda client: client.webhooks.delete(webhook_id))
    if as_json:
        print_json({"deleted": webhook_id})
    else:
        console().print(f"Deleted {safe(webhook_id)}.")


@app.command("deliveries")
def deliveries(
    webhook_id: WebhookId,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most deliveries.")] = 20,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """List what was sent to a webhook, newest first."""

    async def work(client: "AsyncLorekeep") -> list[Delivery]:
        found: list[Delivery] = []
        async for each in client.webhooks.deliveries(webhook_id, page_size=min(limit, 100)):
            found.append(each)
            if len(found) == limit:
                break
        return found

    found = run(url, key, work)
    if as_json:
        print_json({"deliveries": found})
    elif not found:
        console().print("Nothing has been sent to it yet.")
    else:
        table = plain_table("delivery", "event", "status", "attempt", "answer", "created")
        for each in found:
            answered = each.get("response_status") or each.get("error")
            created = (each.get("created_at") or "-")[:19].replace("T", " ")
            cells = (
                each["id"],
                each.get("event", "-"),
                each.get("status", "-"),
                str(each.get("attempt", "-")),
                str(answered or "-"),
                created,
            )
            table.add_row(*(Text(safe(cell)) for cell in cells))
        console().print(table)


@app.command("replay")
def replay(
    webhook_id: WebhookId,
    delivery_id: Annotated[str, typer.Argument(help="Delivery, by its id.", show_default=False)],
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Send a message again."""
    sent = run(url, key, lambda client: client.webhooks.replay(webhook_id, delivery_id))
    if as_json:
        print_json(sent)
    else:
        console().print(f"{safe(sent['id'])} is sent again. `lorekeep webhooks deliveries` shows what becomes of it.")


def _show(webhook: Webhook, as_json: bool) -> None:
    if as_json:
        print_json(webhook)
        return
    line = Text(safe(webhook["id"]), style="bold").append(f"  {safe(webhook['url'])}", style="not bold")
    line.append("" if webhook.get("active", True) else "  off", style="not bold yellow")
    line.append(f"  {safe(', '.join(webhook['events']))}", style="not bold dim")
    console().print(line)
    secret = webhook.get("secret")
    if secret:
        console().print(Text("secret: ").append(safe(secret), style="bold"), soft_wrap=True)
        console().print("Keep it now, it is not shown again. `lorekeep_sdk.webhooks.verify` checks messages with it.")
