"""Whom a process runs as. Postgres refuses root, so under root it gets an account without rights."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

_WITHOUT_RIGHTS = "nobody"


@dataclass(frozen=True)
class Account:
    """A user and a group by number."""

    uid: int
    gid: int

    @classmethod
    def own(cls) -> "Account":
        """The account of this process."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def without_rights(cls) -> "Account":
        """The account of this process, or `nobody` where that is root."""
        if os.geteuid() != 0:
            return cls.own()
        entry = pwd.getpwnam(_WITHOUT_RIGHTS)
        return cls(entry.pw_uid, entry.pw_gid)

    def reaches(self, path: Path) -> bool:
        """Whether this account may go through every folder down to and into `path`, which exists."""
        path = path.resolve()
        return all(self._passes(folder) for folder in (path, *path.parents))

    def receive(self, path: Path) -> None:
        """Makes an existing folder this account's own, closed to everybody else."""
        if self != Account.own():
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)

    def _passes(self, folder: Path) -> bool:
        facts = folder.stat()
        if self.uid in (0, facts.st_uid):
            return self.uid == 0 or bool(facts.st_mode & stat.S_IXUSR)
        return bool(facts.st_mode & (stat.S_IXGRP if facts.st_gid == self.gid else stat.S_IXOTH))
