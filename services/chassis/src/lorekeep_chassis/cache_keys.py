"""Names of what services keep in Redis for an organisation: one prefix each, so that all of it can be forgotten."""

from hashlib import sha256
from urllib.parse import quote


def of_organisation(organisation_id: str) -> str:
    """What every key of an organisation begins with, and no key of another one, whatever its id holds."""
    return f"lorekeep:vectors:{quote(organisation_id, safe='')}:"


def of_text(organisation_id: str, keeper: str, *facts: str, text: str) -> str:
    """The key of a text's vector: who keeps it, what else moves the vector, and the text's SHA-256, never the text."""
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return of_organisation(organisation_id) + ":".join((keeper, *facts, digest))
