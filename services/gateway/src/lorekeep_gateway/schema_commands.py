"""`db`: makes and migrates the schema."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Annotated, Any, Literal

import asyncpg
import typer

from lorekeep_chassis import settings
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.state import State
from lorekeep_gateway.store import schema

db = typer.Typer(help="Create, migrate and inspect the database schema.", no_args_is_help=True)

Step = Literal["pre", "post", "all"]


@db.command()
def create() -> None:
    """Create the database where it is missing, then upgrade it."""
    _say("applied", _run(schema.create(database_url())))


@db.command()
def upgrade(
    step: Annotated[Step, typer.Option(help="`pre` before new code is rolled out, `post` after it.")] = "all",
) -> None:
    """Apply the migrations that are missing."""
    steps = ("pre", "post") if step == "all" else (step,)
    _say("applied", _run(schema.upgrade(database_url(), steps=steps)))


@db.command()
def status() -> None:
    """List the migrations; exits with 1 where one is missing."""
    found = _run(schema.status(database_url()))
    for each, applied in found:
        typer.echo(f"{each.version:04d}_{each.name}  {each.step:4}  {'applied' if applied else 'missing'}")
    if not all(applied for _, applied in found):
        raise typer.Exit(1)


@db.command(context_settings={"ignore_unknown_options": True})
def downgrade(count: Annotated[str, typer.Argument(help="How many to take back, as `-1` or `1`.")] = "-1") -> None:
    """Take the last migrations back. Their data is lost."""
    number = count.removeprefix("-")
    if not number.isdecimal():
        raise typer.BadParameter("give a number of migrations, such as -1")
    _say("taken back", _run(schema.downgrade(database_url(), int(number))))


def database_url() -> str:
    """The database past a pooler where one is named, else that of a local suite; exits with 2 where there is none."""
    problems: list[str] = []
    for field in ("database_direct_url", "database_url"):
        if url := settings.given(field, "gateway", os.environ, problems):
            return url
    if url := State.read(Home.of(os.environ).state_file).database_url:
        return url
    problems.append("Set LOREKEEP_DATABASE_URL to postgresql://..., or run this beside a local suite's .lorekeep.")
    typer.echo("\n".join(problems), err=True)
    raise typer.Exit(2)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        typer.echo(f"The database refused: {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from None


def _say(verb: str, done: list[schema.Migration]) -> None:
    for each in done:
        typer.echo(f"{verb} {each.version:04d}_{each.name}")
    if not done:
        typer.echo("Nothing to do.")
