"""Where the embedded stores may live, given the account that runs them."""

import os
import shutil
from pathlib import Path

from lorekeep_chassis.suite.account import Account
from lorekeep_chassis.suite.home import Home

_SOCKET_PATH_BYTES = 107
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
_OUTSIDE = Path("/var/lib")


class Lodging:
    """Folders for `account`, inside of the home where it can be reached, else at a fixed place below `outside`.

    Only root meets the second case, with a home or a checkout below a folder that is closed to others (/root).
    """

    def __init__(self, home: Home, account: Account, outside: Path = _OUTSIDE) -> None:
        self._home, self._account = home, account
        self._outside = outside / f"lorekeep-{home.tag}"

    def database(self) -> Path:
        """The folder to hold the database's own; its last part is made by the database."""
        self._open(self._home.path, self._home.data)
        inside = self._home.data / "postgres"
        parent = inside if self._account.reaches(self._home.data) else self._outside
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._account.receive(parent)
        return parent

    def sockets(self) -> Path:
        """A closed folder for unix sockets, with a path short enough for the kernel."""
        self._open(self._home.path, self._home.run)
        wanted = (self._home.run / "sockets", *self._home.short_folders())
        folder = next(each for each in wanted if self._suits(each))
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self._account.uid):
            raise PermissionError(f"{folder} belongs to somebody else; remove it.")
        self._account.receive(folder)
        return folder

    def binaries(self, package: Path) -> Path:
        """The folder with the database's programs; a copy of them where the account cannot reach the package."""
        if self._account.reaches(package / "pginstall18" / "bin"):
            return package / "pginstall18" / "bin"
        copy = self._outside.with_name("lorekeep-postgres-18")
        libraries = package.parent / f"{package.name}.libs"
        if not (copy / "complete").exists():
            shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", dirs_exist_ok=True)
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
            copy.chmod(0o755)
            (copy / "complete").touch()
        return copy / package.name / "pginstall18" / "bin"

    def _open(self, *folders: Path) -> None:
        """Lets the account into folders of ours, where it gets as far as that."""
        for folder in folders:
            if self._account.reaches(folder.parent) and not self._account.reaches(folder):
                self._account.let_through(folder)

    def _suits(self, folder: Path) -> bool:
        length = len(os.fsencode(folder / _LONGEST_SOCKET_NAME))
        return length <= _SOCKET_PATH_BYTES and self._account.reaches(folder.parent)
