"""What happens to which document: the same for the same seed, whatever the machine does."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random

from tests.chaos import packages, passages

# Collections by how they are cut: as the installation does, and in ways of their own.
COLLECTION = "storm"
STRATEGIES = {COLLECTION: "by_title", "storm-semantic": "semantic", "storm-hierarchical": "hierarchical"}
OWNERS = ("north", "south")
_FORMS: dict[str, Callable[[list[str]], bytes]] = {
    "txt": passages.plain,
    "md": passages.markdown,
    "html": passages.html,
    "pdf": passages.pdf,
}
# Shares of all documents; what is left over are small texts.
_SHARES = {
    "updated": 0.2,
    "book": 0.12,
    "heavy": 0.03,
    "real": 0.1,
    "failing": 0.06,
    "deleted": 0.06,
    "cancelled": 0.06,
    "semantic": 0.06,
    "hierarchical": 0.06,
    "package": 0.06,
    "package updated": 0.05,
    "package deleted": 0.03,
    "package cancelled": 0.03,
}
_HEAVY_BYTES, _NOISE_BYTES = 24 * 1024 * 1024, 1024 * 1024
_ENCRYPTED, _SCAN = "pypdf__libreoffice-writer-password.pdf", "docl__ocr_test.pdf"
_LISTS = {"MANIFEST.tsv", "questions.tsv"}
_LETTERS = "bcdfghjklmnprstvwz"


class End(StrEnum):
    """The right end of a document."""

    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"
    CANCELLED = "cancelled"  # or ready, where the wish came too late


@dataclass(frozen=True)
class Content:
    """The bytes of one edition and how they are sent. `passage_count` is 0 where its sentences carry no marks, `inside`
    is what becomes documents of their own."""

    name: str
    data: bytes
    inline: bool = False
    passage_count: int = 0
    inside: tuple[packages.Inside, ...] = ()

    @property
    def key(self) -> str:
        """Equal for what is read into equal chunks."""
        return hashlib.sha256(repr((self.name, self.inline)).encode() + self.data).hexdigest()


@dataclass(frozen=True)
class Item:
    """One document: its editions in order, and its right end with the reason of a failure.

    `pause_seconds` lies between the acceptance of the first edition and what happens to it next.
    """

    document_id: str
    owner: str
    word: str
    editions: tuple[Content, ...]
    end: End
    reason: str = ""
    pause_seconds: float = 0.0
    collection: str = COLLECTION

    @property
    def key(self) -> tuple[str, str]:
        """Equal for what ends as equal chunks."""
        return self.collection, self.editions[-1].key


def write(seed: int, documents: int, folder: Path) -> list[Item]:
    """The items in the order in which they are sent; `folder` holds real documents and may be missing."""
    chance = Random(seed)
    kinds = list(_kinds(documents))
    chance.shuffle(kinds)
    author = _Author(chance, folder)
    return [author.item(number, kind) for number, kind in enumerate(kinds)]


def _kinds(documents: int) -> Iterator[str]:
    counts = {kind: max(1, round(share * documents)) for kind, share in _SHARES.items()}
    for kind, count in counts.items():
        yield from [kind] * count
    yield from ["small"] * max(0, documents - sum(counts.values()))


class _Author:
    def __init__(self, chance: Random, folder: Path) -> None:
        self._chance = chance
        self._real = sorted(each for each in folder.glob("*") if each.name not in {*_LISTS, _ENCRYPTED, _SCAN})
        self._encrypted = folder / _ENCRYPTED
        self._turn = {"real": 0, "failing": 0}

    def item(self, number: int, kind: str) -> Item:
        owner = OWNERS[number % len(OWNERS)]
        # Owners share their words, so that only the wall between them tells their texts apart.
        word = _word(number // len(OWNERS))
        name = f"{owner}-{number:03d}-{kind.replace(' ', '-')}"
        pause = self._chance.choice((0.0, 0.3, 2.0, 8.0))
        if kind == "real" and self._real:
            return Item(name, owner, word, (self._taken(),), End.READY)
        if kind == "failing":
            content, reason = self._broken()
            return Item(name, owner, word, (content,), End.FAILED, reason)
        fate = kind.rpartition(" ")[2]
        editions = tuple(self._edition(word, owner, each + 1, kind) for each in range(1 + (fate == "updated")))
        end = {"deleted": End.DELETED, "cancelled": End.CANCELLED}.get(fate, End.READY)
        collection = next((each for each in STRATEGIES if each.endswith(f"-{kind}")), COLLECTION)
        return Item(name, owner, word, editions, end, pause_seconds=pause, collection=collection)

    def _edition(self, word: str, owner: str, edition: int, kind: str) -> Content:
        if kind.startswith("package"):
            packed, data, inside = packages.package(word, owner, edition, self._chance)
            return Content(packed, data, inside=inside)
        form = {"small": "txt", "book": "pdf", "heavy": "pdf"}.get(kind) or self._chance.choice(list(_FORMS))
        low, high = (150, 600) if kind == "book" else (5, 40)
        count = self._chance.randint(low, high)
        data = _FORMS[form](passages.sentences(word, owner, edition, count, self._chance))
        if kind == "heavy":
            # Long under way, so that a gateway dies with half of it in hand.
            data = passages.padded(data, _HEAVY_BYTES, self._chance.randbytes(_NOISE_BYTES))
        return Content(f"{word}.{form}", data, inline=form == "txt", passage_count=count)

    def _taken(self) -> Content:
        path = self._real[self._turn["real"] % len(self._real)]
        self._turn["real"] += 1
        return Content(path.name, path.read_bytes())

    def _broken(self) -> tuple[Content, str]:
        self._turn["failing"] += 1
        kinds = ["blank", "corrupt", *(["encrypted"] if self._encrypted.exists() else [])]
        kind = kinds[self._turn["failing"] % len(kinds)]
        if kind == "encrypted":
            return Content(_ENCRYPTED, self._encrypted.read_bytes()), "encrypted"
        if kind == "blank":
            pages = [b""] * self._chance.randint(1, 3)
            return Content("blank.pdf", passages.pdf_of(pages)), "empty_text"
        return Content("broken.pdf", b"%PDF-1.7\n" + self._chance.randbytes(400)), "corrupt"


def _word(number: int) -> str:
    """A word that no other text holds; no two have one stem."""
    first, rest = number % len(_LETTERS), number // len(_LETTERS)
    return f"quo{_LETTERS[first]}a{_LETTERS[rest % len(_LETTERS)]}ix"
