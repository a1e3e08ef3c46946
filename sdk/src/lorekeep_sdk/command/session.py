"""One run of a verb against a service: find it, do the work, turn errors into one line and an exit code.

Exit codes: 0 done, 1 refused or failed, 2 wrong use or no service to be found, 130 interrupted.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lorekeep_sdk.command import screen, suite
from lorekeep_sdk.errors import LorekeepApiError, LorekeepError, NoAnswer

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

R = TypeVar("R")

_CONNECTION = "Connection"
_KNOCK_SECONDS = 3.0

Url = Annotated[
    str,
    typer.Option(envvar="LOREKEEP_URL", help="Address; by default the local suite's.", rich_help_panel=_CONNECTION),
]
Key = Annotated[
    str,
    typer.Option(envvar="LOREKEEP_API_KEY", help="API key; by default the local suite's.", rich_help_panel=_CONNECTION),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


def run(
    url: str,
    key: str,
    work: Callable[["AsyncLorekeep"], Awaitable[R]],
    *,
    interrupted: str = "",
    patience_seconds: float = 0.0,
    on_wait: Callable[[float, LorekeepApiError], None] = lambda _seconds, _refusal: None,
) -> R:
    """The result of the work with a connected client; errors end the command with a line and a code.

    A service that is full is waited for up to `patience_seconds`; `on_wait` is told of each wait.
    """

    async def connected() -> R:
        from lorekeep_sdk.client import AsyncLorekeep
        from lorekeep_sdk.transport import Patience

        patience = Patience(patience_seconds, on_wait)
        try:
            async with AsyncLorekeep(found.url, found.key, patience=patience) as client:
                # A suite that is not there is told soon, and not after the deadline of a whole call.
                await client.alive(deadline_seconds=_KNOCK_SECONDS)
                return await work(client)
        except LorekeepError:
            # A call that Ctrl-C met may end as failed instead of cancelled.
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError from None
            raise

    try:
        found = suite.find(url, key, os.environ, Path.cwd())
        return asyncio.run(connected())
    except LorekeepError as error:
        screen.complain_of(error)
        raise typer.Exit(2 if isinstance(error, (suite.NotFindable, NoAnswer)) else 1) from None
    except KeyboardInterrupt:
        screen.error_console().print(f"Interrupted. {interrupted}".rstrip())
        raise typer.Exit(130) from None


def json_object(text: str, option: str) -> dict[str, Any] | None:
    """The JSON object that an option holds; None for an empty option."""
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=option) from None
    if not isinstance(value, dict):
        raise typer.BadParameter('a JSON object is expected, such as {"lang": "en"}', param_hint=option)
    return value
