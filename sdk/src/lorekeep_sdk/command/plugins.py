"""Verbs that installed distributions add: entry points of the group `lorekeep.commands`, each a Typer app or a click
command. They are listed by name and loaded only when one is called, so one that is broken harms no other.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lorekeep_sdk.command.screen import complain

GROUP = "lorekeep.commands"


class PluginGroup(TyperGroup):
    """The root: its own verbs first, then those of plug-ins; a plug-in cannot replace an own verb."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help."""
        own = list(self.commands)
        return own + sorted({each.name for each in entry_points(group=GROUP)} - set(own))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The own verb, or a stand-in for the plug-in; None where there is neither."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        found = next(iter(entry_points(group=GROUP, name=cmd_name)), None)
        return _StandIn(found) if found else None


class _StandIn(TyperCommand):
    """Hands its arguments, `--help` included, to the plug-in that it loads."""

    def __init__(self, entry_point: EntryPoint) -> None:
        origin = entry_point.dist.name if entry_point.dist else entry_point.module
        super().__init__(
            entry_point.name,
            help=f"From {origin}.",
            add_help_option=False,
            context_settings={
                "ignore_unknown_options": True,
                "allow_extra_args": True,
                "allow_interspersed_args": False,
            },
        )
        self._entry_point = entry_point

    def invoke(self, ctx: Any) -> None:
        """Runs the plug-in in its own right: it prints its own usage errors and ends the process."""
        loaded = self._loaded()
        command = typer.main.get_command(loaded) if isinstance(loaded, typer.Typer) else loaded
        command.main(args=ctx.args, prog_name=ctx.command_path)

    def _loaded(self) -> Any:
        try:
            loaded = self._entry_point.load()
        except Exception as error:  # noqa: BLE001 - whatever a foreign module raises while it is imported
            self._give_up(f"{type(error).__name__}: {error}")
        if not isinstance(loaded, typer.Typer) and not hasattr(loaded, "main"):
            self._give_up("it is neither a Typer app nor a click command")
        return loaded

    def _give_up(self, why: str) -> None:
        complain(
            f"The plug-in {self.name!r} ({self._entry_point.value}) cannot be loaded: {why}.",
            "Reinstall the distribution that brings it.",
        )
        raise typer.Exit(1)
