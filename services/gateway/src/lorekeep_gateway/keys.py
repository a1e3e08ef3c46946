"""API keys: `kb_<id>_<secret>`, of which only the SHA-256 of the 256-bit secret is kept."""

import hashlib
import hmac
import os
import re
from dataclasses import dataclass

from lorekeep_chassis.calls import CallContext, Lane
from lorekeep_gateway.ids import new_id

SCOPES = ("search", "ingest", "manage", "admin")
_KEY = re.compile(r"kb_([0-9a-z]{26})_([0-9a-f]{64})")


@dataclass(frozen=True)
class ApiKey:
    """A key as its holder has it. `id` is its id in the database, `key_...`."""

    id: str
    secret: str

    @classmethod
    def new(cls) -> "ApiKey":
        """A key that nobody has yet."""
        return cls(new_id("key"), os.urandom(32).hex())

    @classmethod
    def of_text(cls, text: str) -> "ApiKey | None":
        """The key that `text` spells, None where it spells none."""
        match = _KEY.fullmatch(text)
        return cls(f"key_{match[1]}", match[2]) if match else None

    @property
    def text(self) -> str:
        """What the holder sends."""
        return f"kb_{self.id.removeprefix('key_')}_{self.secret}"

    @property
    def sha256(self) -> bytes:
        """The hash of the secret, as it is kept."""
        return hashlib.sha256(bytes.fromhex(self.secret)).digest()

    def proves(self, kept: bytes | None) -> bool:
        """Whether the secret is the one that is kept; takes as long where nothing is."""
        return hmac.compare_digest(self.sha256, kept if kept is not None else bytes(32))

    def __repr__(self) -> str:
        return f"ApiKey({self.id})"


@dataclass(frozen=True)
class Principal:
    """Who calls: organisation, workspace, key, the user that it acts for, and what it may do.

    `collection_ids` are the only collections that it sees; None for all of the workspace. `address` is where from.
    """

    organisation_id: str
    workspace_id: str
    key_id: str
    owner_id: str
    groups: tuple[str, ...]
    scopes: frozenset[str]
    collection_ids: tuple[str, ...] | None
    address: str = ""

    def may(self, scopes: frozenset[str]) -> bool:
        """Whether it has one of `scopes`."""
        return not self.scopes.isdisjoint(scopes)

    def calling(self, collection_id: str = "", lane: Lane = Lane.INTERACTIVE) -> CallContext:
        """The context of calls made for it."""
        return CallContext(self.organisation_id, collection_id, self.key_id, lane)

    @property
    def allowed(self) -> list[str] | None:
        """`collection_ids` as queries take them."""
        return None if self.collection_ids is None else list(self.collection_ids)
