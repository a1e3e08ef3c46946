"""Rows of the table: a figure, what it must be, what it should be, and whether it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

HEAD = ("what", "figure", "must", "aim", "verdict")
MISSED = "missed"


@dataclass(frozen=True)
class Row:
    """`must` and `aim` are empty for a figure without a target."""

    what: str
    figure: str
    must: str = ""
    aim: str = ""
    verdict: str = ""

    def cells(self) -> tuple[str, ...]:
        return self.what, self.figure, self.must, self.aim, self.verdict


def at_least(what: str, value: float, must: float, aim: float | None = None, *, form: str = "{:.2f}") -> Row:
    """A figure of which more is better; the verdict is of the figure, not of how it is shown."""
    return _judged(what, value, (must, aim), form, value >= must, aim is not None and value >= aim)


def at_most(what: str, value: float, must: float, aim: float | None = None, *, form: str = "{:.2f}") -> Row:
    """A figure of which less is better."""
    return _judged(what, value, (must, aim), form, value <= must, aim is not None and value <= aim)


def spread(values: Sequence[float], form: str = "{:.1f}") -> str:
    """Median, and from the least to the most."""
    return f"{form.format(median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def _judged(what: str, value: float, wanted: tuple[float, float | None], form: str, kept: bool, reached: bool) -> Row:
    must, aim = wanted
    verdict = "ok, aim reached" if kept and reached else "ok" if kept else MISSED
    return Row(what, form.format(value), form.format(must), "" if aim is None else form.format(aim), verdict)
