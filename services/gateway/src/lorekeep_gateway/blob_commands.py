"""`admin blobs`: what can be done with a blob store as a whole."""

import asyncio
import os
import sys
from typing import Annotated, NoReturn

import typer
from obstore.exceptions import BaseError as ObjectStoreError

from lorekeep_gateway.blob_copy import Copied, copy
from lorekeep_gateway.blobs import store_at

blobs = typer.Typer(help="The blob store.", no_args_is_help=True)
_MEBIBYTE = 1024 * 1024


@blobs.callback()
def group() -> None:
    """The blob store."""


@blobs.command("copy")
def copy_all(
    source: Annotated[str, typer.Option("--from", help="Where they are: file:///..., s3://..., gs://... or az://...")],
    target: Annotated[str, typer.Option("--to", help="Where they shall be, in the same form.")],
) -> None:
    """Copy all blobs from one store to another.

    Run it while the suite works, then stop the suite, run it again for what came meanwhile, and start with BLOBS_URL
    set to the new place. What is there already is passed over. Ends with 1 where a blob is corrupt.
    """
    try:
        done = asyncio.run(copy(store_at(source), store_at(target), _show))
    except (ObjectStoreError, OSError, ValueError) as error:
        typer.echo(f"A store refused: {type(error).__name__}. Check the addresses and the credentials.", err=True)
        _leave(1)
    typer.echo(f"\r{_told(done)}" if sys.stderr.isatty() else _told(done))
    for path in done.corrupt:
        typer.echo(f"corrupt, not copied: {path}", err=True)
    _leave(1 if done.corrupt else 0)


def _leave(code: int) -> NoReturn:
    """Ends the process without taking the interpreter down: a thread of the object store that still has word for it
    then aborts the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _show(so_far: Copied) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{_told(so_far)}", nl=False, err=True)


def _told(done: Copied) -> str:
    megabytes = done.copied_bytes / _MEBIBYTE
    return f"{done.copied_count} copied ({megabytes:.1f} MiB), {done.present_count} there already"
