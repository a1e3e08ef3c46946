"""Real documents, damaged: bytes of a file, or of a member inside of its container, changed as a seed decides."""

import io
import random
import zipfile
from collections.abc import Callable, Sequence

_MOST_CHANGES = 12
_LONGEST_RUN = 4096
_TOKENS = (
    b"\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"-1", b"99999999999", b"<", b"</", b"&x;", b"%", b"\n", b"obj",
    b"endobj", b"stream", b"/Kids", b"PK\x03\x04", b"\xef\xbb\xbf", b"\xff\xfe", b"\xd8\x00", b"()", b"<<", b"]]>",
    b",",
)  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], seed: int) -> bytes:
    """The document with a few changes, the same for the same seed; `others` lend pieces."""
    chance = random.Random(seed)
    if data.startswith(b"PK") and chance.random() < 0.7:
        return _inside(data, others, chance)
    return _changed(data, others, chance)


def _inside(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """A container with one or two members changed and packed anew, so that what reads members is reached."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after:
        names = before.namelist()
        struck = set(chance.sample(names, min(len(names), chance.randint(1, 2))))
        for name in names:
            content = before.read(name)
            after.writestr(name, _changed(content, others, chance) if name in struck else content)
    return buffer.getvalue()


def _changed(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        chance.choice(_CHANGES)(changed, others, chance)
    return bytes(changed)


def _flip(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _cut(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.randint(1, _LONGEST_RUN)]


def _end(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    if chance.random() < 0.3:
        del data[chance.randrange(len(data) + 1) :]


def _insert(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.choice(_TOKENS) * chance.choice((1, 1, 1, 50, 1000))


def _repeat(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    piece = data[start : start + chance.randint(1, _LONGEST_RUN)]
    data[start:start] = piece * chance.randint(1, 20)


def _lend(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(others)
    start, place = chance.randrange(len(other)), chance.randrange(len(data) + 1)
    data[place:place] = other[start : start + chance.randint(1, _LONGEST_RUN)]


def _digits(data: bytearray, others: Sequence[bytes], chance: random.Random) -> None:
    """Another number where one stands: counts, lengths and offsets are what formats trip over."""
    places = [index for index, each in enumerate(data[:65_536]) if 48 <= each <= 57]
    if places:
        data[chance.choice(places)] = chance.randrange(48, 58)


_CHANGES: tuple[Callable[[bytearray, Sequence[bytes], random.Random], None], ...] = (
    _flip, _flip, _cut, _end, _insert, _repeat, _lend, _digits, _digits,
)  # fmt: skip
