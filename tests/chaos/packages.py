"""Mails with attachments and archives, the same bytes for the same texts."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from random import Random
from typing import NamedTuple

from tests.chaos import passages

_BROKEN = b"%PDF-1.7\nnothing behind it"
_WHEN = (2024, 5, 1, 12, 0, 0)


class Inside(NamedTuple):
    """What a package leads to: a public id behind that of the package, and the reason where it cannot be read."""

    path: str
    reason: str = ""


def archive(members: Mapping[str, bytes]) -> bytes:
    """A ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name, _WHEN), data)
    return packed.getvalue()


def mail(lines: Sequence[str], attached: Mapping[str, bytes]) -> bytes:
    """A mail with attachments."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada@example.org", "bob@example.org", "Records"
    message.set_content("\n\n".join(lines))
    for name, data in attached.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    message.set_boundary("=====of-the-storm=====")
    return message.as_bytes()


def package(word: str, owner: str, edition: int, chance: Random) -> tuple[str, bytes, tuple[Inside, ...]]:
    """A mail, or a ZIP, with a document that stays, one that changes and one of each edition alone, some packed once
    more and one broken; gives its name, its bytes and what it leads to."""

    def text(passages_of: int, told: int) -> bytes:
        return passages.plain(passages.sentences(word, owner, told, passages_of, Random(f"{word} {owner} {told}")))

    nested = {"deep/stays.txt": text(6, 1), "deep/broken.pdf": _BROKEN, f"deep/of-{edition}.md": text(4, edition)}
    members = {"stays.txt": text(8, 1), "changes.txt": text(9, edition), f"of-{edition}.txt": text(3, edition)}
    inside = [*map(Inside, members), Inside("packed.zip")]
    inside += [Inside(f"packed.zip/{name}", "corrupt" * name.endswith("broken.pdf")) for name in nested]
    members["packed.zip"] = archive(nested)
    if chance.random() < 0.5:
        return f"{word}.zip", archive(members), tuple(inside)
    lines = passages.sentences(word, owner, edition, 5, chance)
    return f"{word}.eml", mail(lines, members), tuple(inside)
