"""Homes for suites under test: short paths that every account can reach, removed afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lorekeep_chassis.suite.home import Home


@pytest.fixture
def home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="lorekeep-test-"))
    folder.chmod(0o755)
    made = Home(folder / "home")
    made.prepare()
    yield made
    made.clear_run()
    shutil.rmtree(folder)


@pytest.fixture
def other_home(home: Home) -> Home:
    made = Home(home.path.with_name("other"))
    made.prepare()
    return made
