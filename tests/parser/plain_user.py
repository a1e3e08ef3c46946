"""How Python is started as uid 1000 without capabilities, as the parser is in its container."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

UID = 1000
# The virtual environment's own Python may lie where only its owner comes to.
_PYTHON = f"/usr/bin/python3.{sys.version_info.minor}"
_SETPRIV = f"setpriv --reuid {UID} --regid {UID} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"
COMMAND = (*_SETPRIV.split(), _PYTHON)


def missing() -> str:
    """Why nothing can be run so; empty where it can."""
    if os.getuid() != 0:
        return "only root becomes another user"
    if shutil.which("setpriv") is None or not Path(_PYTHON).exists():
        return f"setpriv or {_PYTHON} is not here"
    return ""


def python_path() -> str:
    """The packages and sources, for a Python that is not the virtual environment's."""
    inherited = [each for each in sys.path if each and not each.startswith(sys.base_prefix)]
    return os.pathsep.join([*inherited, sysconfig.get_path("purelib")])


@contextmanager
def directory() -> Iterator[Path]:
    """A directory of that user's, below one that it may pass through."""
    with TemporaryDirectory(dir="/tmp") as made:
        os.chown(made, UID, UID)
        yield Path(made)
