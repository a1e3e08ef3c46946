"""Where the embedded stores may live, given the account that runs them."""

import os
import shutil
from pathlib import Path

from lorekeep_chassis.suite.account import Account
from lorekeep_chassis.suite.home import Home

_SOCKET_PATH_BYTES = 107
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


class Lodging:
    """Folders for `account`: inside of the home where it reaches them, else among the temporary files.

    Only root meets the second case, since a home is closed to all but its owner; and long paths do.
    """

    def __init__(self, home: Home, account: Account) -> None:
        self._home, self._account = home, account

    def database(self) -> Path:
        """The folder of the database's files. Its account owns it, and may not reach it by its path."""
        return self._received(self._home.data / "postgres")

    def sockets(self) -> Path:
        """A closed folder for unix sockets that the account reaches, with a path short enough for the kernel."""
        inside = self._home.run / "sockets"
        return self._received(next(each for each in (inside, *self._home.short_folders()) if self._suits(each)))

    def programs(self, package: Path) -> Path:
        """The folder of the database's programs; of a copy of them where the account cannot reach the package."""
        if self._account.reaches(package / "pginstall18" / "bin"):
            return package / "pginstall18" / "bin"
        copy = self.sockets() / "programs"
        # The libraries are looked for beside the package.
        for part in (f"{package.name}/pginstall18", f"{package.name}.libs"):
            if not (copy / part).exists() and (package.parent / part).exists():
                shutil.copytree(package.parent / part, copy / part)
        return copy / package.name / "pginstall18" / "bin"

    def _received(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self._account.uid):
            raise PermissionError(f"{folder} belongs to somebody else. Remove it.")
        self._account.receive(folder)
        return folder

    def _suits(self, folder: Path) -> bool:
        length = len(os.fsencode(folder / _LONGEST_SOCKET_NAME))
        return length <= _SOCKET_PATH_BYTES and self._account.reaches(folder.parent)
