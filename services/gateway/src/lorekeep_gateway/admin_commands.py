"""`admin`: organisations, administrators and keys. A key's text is shown once."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import asyncpg
import typer

from lorekeep_chassis.errors import LorekeepError
from lorekeep_gateway import organisations
from lorekeep_gateway.blob_commands import blobs
from lorekeep_gateway.keys import SCOPES, ApiKey
from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.removal import Receipt
from lorekeep_gateway.removal.organisation import mark, receipt_of
from lorekeep_gateway.schema_commands import database_url
from lorekeep_gateway.store.database import Database, connected

_LOOK_SECONDS = 0.5

admin = typer.Typer(help="Make organisations, administrators and keys.", no_args_is_help=True)
organisation = typer.Typer(help="Organisations.", no_args_is_help=True)
key = typer.Typer(help="API keys of an organisation.", no_args_is_help=True)
admin.add_typer(organisation, name="organisation")
admin.add_typer(key, name="key")
admin.add_typer(blobs, name="blobs")

Organisation = Annotated[str, typer.Option("--organisation", help="Organisation by name.")]
KeyFile = Annotated[Path | None, typer.Option("--key-file", help="Write the key here, readable by you alone.")]
KeyId = Annotated[str, typer.Argument(help="Id of the key, key_...")]


@admin.command("create")
def create_first(
    organisation: Organisation = "main",
    user: Annotated[str, typer.Option(help="Name of the administrator.")] = "admin",
    key_file: KeyFile = None,
    no_rate_limits: Annotated[bool, typer.Option("--no-rate-limits", help="Free the key from rate limits.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Go on where an organisation exists.")] = False,
) -> None:
    """Make the first organisation, its administrator and a key with all scopes."""
    grant = Grant("administrator", rate_limited=not no_rate_limits)
    _hand_over(_run(lambda db: organisations.create_first(db, organisation, user, grant, again=force)), key_file)


@organisation.command("create")
def create_organisation(name: str) -> None:
    """Make an organisation with its workspace `default`."""
    typer.echo(_run(lambda db: organisations.create(db, name)))


@organisation.command("list")
def list_organisations() -> None:
    """List the organisations."""
    for each in _run(organisations.list_all):
        typer.echo(f"{each['organisation_id']}  {each['name']}  collections={each['collection_count']}")


@organisation.command("delete")
def delete_organisation(
    name: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name again.")] = False,
    wait_seconds: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the end.")] = 180,
) -> None:
    """Delete an organisation with all that it has. It is hidden at once; the ingest role removes it."""
    if not yes and typer.prompt(f"This deletes all documents of {name}, for ever. Type its name") != name:
        typer.echo("That is another name. Nothing was deleted.", err=True)
        raise typer.Exit(1)
    organisation_id, receipt = _run(lambda db: _deleted(db, name, wait_seconds))
    for store, count in receipt.counts.items():
        typer.echo(f"{store:14}{count:>10}")
    if receipt.finished:
        typer.echo(f"Deleted {name} ({organisation_id}).")
    else:
        typer.echo(f"{name} ({organisation_id}) is hidden, and the ingest role goes on removing it.")


async def _deleted(database: Database, name: str, wait_seconds: float) -> tuple[str, Receipt]:
    """The receipt when all is removed, or as it is when the time is up."""
    organisation_id = await mark(database, name, actor="operator")
    until = monotonic() + wait_seconds
    while True:
        receipt = await receipt_of(database, organisation_id) or Receipt(finished=False)
        if receipt.finished or monotonic() >= until:
            return organisation_id, receipt
        await asyncio.sleep(_LOOK_SECONDS)


@key.command("create")
def create_key(
    name: str,
    organisation: Organisation,
    owner: Annotated[str, typer.Option(help="User that the key acts for.")] = "admin",
    scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; repeatable.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Group that the key carries; repeatable.")] = None,
    collection: Annotated[list[str] | None, typer.Option(help="Only this collection (col_...); repeatable.")] = None,
    expires_days: Annotated[float | None, typer.Option(min=0, help="Days until it ends; never by default.")] = None,
    no_rate_limits: Annotated[bool, typer.Option("--no-rate-limits", help="Free the key from rate limits.")] = False,
    key_file: KeyFile = None,
) -> None:
    """Make a key; its text is shown once."""
    ends = None if expires_days is None else datetime.now(UTC) + timedelta(days=expires_days)
    bound = tuple(collection) if collection else None

    def make(database: Database) -> Awaitable[ApiKey]:
        grant = Grant(name, tuple(scope or ("search",)), tuple(group or ()), bound, ends, not no_rate_limits)
        return organisations.create_key(database, organisation, owner, grant)

    _hand_over(_run(make), key_file)


@key.command("list")
def list_keys(organisation: Organisation) -> None:
    """List an organisation's keys, without their secrets."""
    for each in _run(lambda db: organisations.list_keys(db, organisation)):
        state = "revoked" if each["revoked_at"] else "replaced" if each["replaced_by"] else "active"
        until = each["expires_at"] or "never"
        used = each["last_used_at"] or "never"
        scopes = ",".join(each["scopes"])
        typer.echo(f"{each['id']}  {each['name']}  {state}  scopes={scopes}  ends={until}  last used={used}")


@key.command("revoke")
def revoke_key(key_id: KeyId, organisation: Organisation) -> None:
    """End a key at once."""
    _run(lambda db: organisations.revoke_key(db, organisation, key_id))
    typer.echo(f"Revoked {key_id}.")


@key.command("rotate")
def rotate_key(key_id: KeyId, organisation: Organisation, key_file: KeyFile = None) -> None:
    """Make a key in place of another, which ends in 24 hours."""
    _hand_over(_run(lambda db: organisations.rotate_key(db, organisation, key_id)), key_file)


def write_key(text: str, path: Path) -> None:
    """Writes a key in one step, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _hand_over(made: ApiKey, path: Path | None) -> None:
    if path is None:
        typer.echo(made.text)
        return
    write_key(made.text, path)
    typer.echo(f"{made.id} was written to {path}")


def _run(work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Runs `work` on a database of its own; what goes wrong is one line and exit status 1."""

    async def main() -> Any:
        async with connected(database_url(), pool_size=1) as database:
            return await work(database)

    try:
        return asyncio.run(main())
    except (LorekeepError, asyncpg.PostgresError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
