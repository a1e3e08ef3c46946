"""`python -m lorekeep_gateway serve | ingest | db ... | admin ...`."""

import typer

from lorekeep_gateway.commands import admin, db

main = typer.Typer(help="lorekeep's gateway and ingest role.", no_args_is_help=True, add_completion=False)
main.add_typer(db, name="db")
main.add_typer(admin, name="admin")


@main.command()
def serve() -> None:
    """Serve public HTTP."""
    from lorekeep_gateway.http.role import main as run

    run()


@main.command()
def ingest() -> None:
    """Work on jobs."""
    from lorekeep_gateway.ingest.role import main as run

    run()


if __name__ == "__main__":
    main()
