"""The house stays readable: short functions, short files, modules named by nouns of the domain."""

import ast
import subprocess
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION, MEDIAN_FUNCTION = 60, 12
LONGEST_FILE, LONGEST_TEST_FILE = 300, 400
REFUSED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


# What stands in a checkout beside the house, whether git ignores it or not.
NOT_OURS = (".venv", "build/", "node_modules/")


def _sources(root: Path = ROOT) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    foreign = ("services/chassis/src/lorekeep/", *NOT_OURS)
    return [root / each for each in listed if not each.startswith(foreign) and (root / each).exists()]


SOURCES = _sources()


def _functions(path: Path) -> list[tuple[str, int]]:
    nodes = ast.walk(ast.parse(path.read_text()))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(f"{path}:{n.lineno} {n.name}", n.end_lineno - n.lineno + 1) for n in nodes if isinstance(n, kinds)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_stay_short(path: Path) -> None:
    allowed = LONGEST_TEST_FILE if (ROOT / "tests") in path.parents else LONGEST_FILE
    assert len(path.read_text().splitlines()) <= allowed
    assert [each for each in _functions(path) if each[1] > LONGEST_FUNCTION] == []


def test_the_middle_function_is_about_ten_lines() -> None:
    services = [path for path in SOURCES if "tests" not in path.relative_to(ROOT).parts]
    assert median(size for path in services for _, size in _functions(path)) <= MEDIAN_FUNCTION


def test_modules_are_named_by_nouns_of_the_domain() -> None:
    assert [path for path in SOURCES if {path.stem, *path.relative_to(ROOT).parts} & REFUSED_NAMES] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_error_is_swallowed(path: Path) -> None:
    def swallows(node: ast.AST) -> bool:
        if not isinstance(node, ast.ExceptHandler):
            return False
        broad = node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException")
        return broad and all(isinstance(each, ast.Pass) for each in node.body)

    assert [node.lineno for node in ast.walk(ast.parse(path.read_text())) if swallows(node)] == []


def test_environments_and_builds_in_the_checkout_are_not_looked_at(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in ("services/lamp.py", ".venv-other/lib/utils.py", "build/bench/utils.py", "builder.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = {str(path.relative_to(tmp_path)) for path in _sources(tmp_path)}
    assert found == {"services/lamp.py", "builder.py"}
