"""`lorekeep models`: lists, fetches and checks the models of the embedder."""

import logging
import os
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from lorekeep_chassis import settings
from lorekeep_chassis.errors import LorekeepError
from lorekeep_chassis.settings import SettingsError
from lorekeep_chassis.suite.home import Home
from lorekeep_embedder import places
from lorekeep_embedder.models import digests, model_files, registry
from lorekeep_embedder.models.model_files import Lock
from lorekeep_embedder.models.registry import ModelSpec, RegistryError

_MEBIBYTE = 1024 * 1024
_PIPE_CHARACTERS = 10_000
_WIDE = 160

models = typer.Typer(help="Embedding models and rerankers: list, fetch, check.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(help="Names, as `lorekeep models list` shows them.", metavar="NAME...")]


@models.command("list")
def list_models() -> None:
    """List the models that can be named, and which of them are here."""
    path = _models_path()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _columns())
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    numbers = ("dimensions", "window", "size")
    texts = ("state", "speed", "quality", *(("use",) if console.width >= _WIDE else ()))
    for title in ("name", "kind", *numbers, *texts):
        table.add_column(title, justify="right" if title in numbers else "left", no_wrap=title != "use")
    for place, spec in enumerate(_registry(path).values()):
        table.add_row(*_row(spec, path, default=place == 0)[: len(table.columns)])
    console.print(table)
    console.print(f"Models lie in {places.models_root(path)}. Fetch one: lorekeep models pull NAME.", soft_wrap=True)


@models.command()
def pull(
    names: Names,
    probe: Annotated[bool, typer.Option(help="Encode a sentence afterwards, as the embedder would.")] = True,
) -> None:
    """Fetch models from the hub at their pinned commits, verify them, and try each by one sentence.

    A pull that was interrupted goes on where it ended. HF_ENDPOINT names a mirror, HF_TOKEN opens private models. Ends
    with 1 where a model could not be fetched, or makes vectors of another length than the registry says.
    """
    path = _models_path()
    failed = [spec for spec in _specs(names, path) if not _pulled(spec, path, probe=probe)]
    raise typer.Exit(1 if failed else 0)


@models.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Names; all that are here where none is given.")] = None,
) -> None:
    """Read all files of models through and compare their hashes; ends with 1 where one is wrong."""
    path = _models_path()
    chosen = _specs(names, path) if names else [s for s in _registry(path).values() if _is_here(s, path)]
    if not chosen:
        typer.echo("No model is here.")
    wrong = [spec for spec in chosen if not _verified(spec, path)]
    raise typer.Exit(1 if wrong else 0)


def _pulled(spec: ModelSpec, path: str, *, probe: bool) -> bool:
    from lorekeep_embedder.models import hub, pulling

    _quiet_where_nobody_looks()
    try:
        news = pulling.pull(spec, path)
    except (hub.HubError, OSError) as error:
        return _complain(f"{spec.name}: {error}")
    typer.echo(f"{spec.name}: {'fetched and verified' if news else 'here already, verified'}")
    return _probed(spec, path) if probe else True


def _probed(spec: ModelSpec, path: str) -> bool:
    from lorekeep_embedder.models import probing

    try:
        dimensions, backend = probing.probed(spec, path)
    except (LorekeepError, SettingsError, ValueError, RuntimeError) as error:
        return _complain(f"{spec.name}: it cannot be computed here: {error}")
    if dimensions != spec.dimensions:
        return _complain(
            f"{spec.name}: it makes {dimensions} numbers a vector, and the registry says {spec.dimensions}"
        )
    typer.echo(f"{spec.name}: a sentence became {dimensions} numbers, by {backend}")
    return True


def _verified(spec: ModelSpec, path: str) -> bool:
    try:
        files = model_files.verified(spec, path)
        files.verify(digests.read)
    except (LorekeepError, OSError) as error:
        return _complain(f"{spec.name}: {error}")
    typer.echo(f"{spec.name}: whole, {_pin(spec, files)}, weights {files.spec.weights_sha256}")
    return True


def _pin(spec: ModelSpec, files: model_files.ModelFiles) -> str:
    """What its weights were held to."""
    if spec.weights_sha256:
        return "pinned by the registry"
    return "pinned by the lock of its pull" if Lock.of(files.folder) else "pinned by nothing: it was put here by hand"


def _row(spec: ModelSpec, path: str, *, default: bool) -> list[str]:
    files = model_files.found(spec, path)
    state = "not here" if files is None else "packaged" if files.from_package else "here"
    size = f"{files.size_bytes / _MEBIBYTE:,.0f} MiB" if files else ""
    return [
        spec.name, spec.kind, str(spec.dimensions), f"{spec.window_tokens:,}", size,
        f"{state}, default" if default else state, spec.speed, spec.quality, spec.use_case,
    ]  # fmt: skip


def _is_here(spec: ModelSpec, path: str) -> bool:
    """A broken one counts: it is what `verify` is asked for."""
    return (places.models_root(path) / spec.name).is_dir() or model_files.found(spec, path) is not None


def _models_path() -> str:
    """LOREKEEP_MODELS_PATH, else that of a local suite beside which this runs, else empty for the cache."""
    problems: list[str] = []
    path = settings.given("models_path", "embedder", os.environ, problems)
    if problems:
        _leave("\n".join(problems))
    if path is not None:
        return path
    of_suite = Home.of(os.environ).data
    return str(of_suite / "models") if of_suite.is_dir() else ""


def _registry(path: str) -> dict[str, ModelSpec]:
    try:
        return registry.load(path)
    except RegistryError as error:
        _leave(str(error))


def _specs(names: list[str], path: str) -> list[ModelSpec]:
    """All models named, each once, or none: a misspelt name must not be found out after an hour."""
    known = _registry(path)
    found = {name: registry.find(known, name) for name in names}
    if unknown := [name for name, spec in found.items() if spec is None]:
        _leave(f"The registry has no {', '.join(unknown)}; it has {', '.join(known)}.")
    return list(dict.fromkeys(spec for spec in found.values() if spec))


def _quiet_where_nobody_looks() -> None:
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not sys.stderr.isatty():
        disable_progress_bars()


def _columns() -> int:
    """COLUMNS where it is given; otherwise a row stays one line in a pipe or a file, however long."""
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) else _PIPE_CHARACTERS


def _complain(what: str) -> bool:
    typer.echo(what, err=True)
    return False


def _leave(what: str) -> NoReturn:
    typer.echo(what, err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    models()
