"""What a mail is made of, however it came."""

from dataclasses import dataclass, field
from email.utils import parseaddr


@dataclass(frozen=True)
class Body:
    """One text of a mail; both where it has the same text twice."""

    plain: str = ""
    html: str = ""


@dataclass(frozen=True)
class Inside:
    """A file, or another mail, inside of a mail."""

    name: str
    declared: str
    content: bytes


@dataclass
class Mail:
    """A mail, taken apart. `date` is as RFC 3339 has it, empty where unknown; `fields` are for people."""

    subject: str = ""
    sender: str = ""
    date: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    inside: list[Inside] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def author(sender: str) -> str:
    """A sender's name, or the address where none is given."""
    name, address = parseaddr(sender[:1000])
    return name or address or sender
