"""Stable words: routes, reasons and formats are bounded where they are labels, and told where people look for them."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parser.parser_process import ROOT

import lorekeep_parser
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures, measures
from lorekeep_parser.formats.media import Media

_SOURCES = sorted(Path(lorekeep_parser.__path__[0]).rglob("*.py"))
_READING = (ROOT / "docs/reading.md").read_text()
# Said by the serving process alone, of calls, of the machine, or of a child that it gave up.
_OF_THE_SERVER = {"disk_failed", "incomplete_request", "parse_timeout", "parser_restarting", "tokenizer_mismatch"}
_OF_THE_MACHINE = {"disk_full", "sandbox_failed"}


def _nodes() -> Iterator[ast.AST]:
    for path in _SOURCES:
        yield from ast.walk(ast.parse(path.read_text()))


def _texts(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def _reasons() -> set[str]:
    """What is given as `reason` in so many words, or as one of two."""
    calls = [node for node in _nodes() if isinstance(node, ast.Call)]
    given = [each.value for call in calls for each in call.keywords if each.arg == "reason"]
    return set().union(*(_texts(each) for each in given if isinstance(each, ast.Constant | ast.IfExp)))


def _routes() -> set[str]:
    """What is assigned to a name or an attribute `route`; of f-strings nothing, they are tested where they are read."""
    found: set[str] = set()
    for node in _nodes():
        targets = node.targets if isinstance(node, ast.Assign) else []
        names = {getattr(each, "attr", getattr(each, "id", "")).lower().strip("_s") for each in targets}
        if "route" in names and isinstance(node, ast.Assign) and not isinstance(node.value, ast.JoinedStr):
            found |= _texts(node.value)
    return found


def _table(heading: str) -> set[str]:
    """The words in code type in the first column of the table below a heading."""
    section = _READING.split(f"\n{heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([a-z_]+)`", row)}


def test_every_route_is_a_label() -> None:
    assert "pypdfium2" in _routes()
    assert _routes() - measures.ROUTES - {"unknown", measures.OTHER_ROUTE} == set()


def test_a_route_that_is_none_is_no_label() -> None:
    assert measures.route_label("xlsx") == "xlsx"
    assert measures.route_label("xlsx2") == measures.route_label("") == "other"


def test_every_reason_may_cross_from_the_child_or_is_the_servers() -> None:
    assert _reasons() - failures.OF_THE_DOCUMENT - _OF_THE_MACHINE == _OF_THE_SERVER


def test_a_reason_that_is_none_counts_as_a_crash() -> None:
    told = json.loads(failures.encoded(InvalidInput("The page is torn.", reason="corrupt"), "reader.py:1"))
    assert failures.decoded(json.dumps(told).encode())[0].reason == "corrupt"
    for reason in ("torn", "", None, ["corrupt"]):
        error, _ = failures.decoded(json.dumps({**told, "reason": reason}).encode())
        assert (error.reason, "torn" in error.message) == ("parser_crashed", False)


def test_every_reason_is_told_in_the_table() -> None:
    ends = (_reasons() | failures.OF_THE_DOCUMENT | _OF_THE_MACHINE) - {"incomplete_request", "tokenizer_mismatch"}
    assert ends - _table("## Why a document was not read") == set()


@pytest.mark.parametrize("kind", [each for each in Media if each is not Media.ELEMENTS])
def test_every_format_is_told_in_the_table(kind: Media) -> None:
    formats = _READING.split("\n## What is read\n")[1].split("\n## ")[0]
    assert f"`{kind.value}`" in formats
