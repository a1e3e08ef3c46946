"""OLE containers, for tests of Outlook's mails."""

import struct
from dataclasses import dataclass, field
from typing import Union

Content = Union[bytes, "Folder"]
Folder = dict[str, Content]

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_MINI_CUTOFF = 4096


@dataclass
class Entry:
    """One stream or storage, with its neighbours in the tree."""

    name: str
    kind: int
    data: bytes = b""
    right: int = _FREE
    child: int = _FREE


@dataclass
class Sectors:
    """Sectors of one size, each with the number of the next."""

    size: int
    content: bytearray = field(default_factory=bytearray)
    chains: list[int] = field(default_factory=list)

    def place(self, data: bytes) -> int:
        """Where data begins from now on."""
        if not data:
            return _END
        first = len(self.chains)
        count = -(-len(data) // self.size)
        self.content += data.ljust(count * self.size, b"\x00")
        self.chains += [*range(first + 1, first + count), _END]
        return first


def container(root: Folder) -> bytes:
    """A container of streams and storages."""
    entries = [Entry("Root Entry", 5)]
    _add(entries, 0, root)
    sectors, small = Sectors(512), Sectors(64)
    places = [(small if len(each.data) < _MINI_CUTOFF else sectors).place(each.data) for each in entries[1:]]
    first_small = sectors.place(bytes(small.content))
    minifat = sectors.place(struct.pack(f"<{len(small.chains)}I", *small.chains).ljust(512, b"\xff"))
    directory = _entry(entries[0], first_small, len(small.content))
    directory += b"".join(_entry(each, place, len(each.data)) for each, place in zip(entries[1:], places, strict=True))
    first_directory = sectors.place(directory)
    here = len(sectors.chains)
    table = [*sectors.chains, _FAT]
    assert max(len(table), len(small.chains)) <= 128, "one sector of each table is all that tests need"
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += b"\x00" * 6 + struct.pack("<IIIIIIIII", 0, 1, first_directory, 0, _MINI_CUTOFF, minifat, 1, _END, 0)
    header += struct.pack("<109I", here, *[_FREE] * 108)
    return header + bytes(sectors.content) + struct.pack("<128I", *table, *[_FREE] * (128 - len(table)))


def _add(entries: list[Entry], parent: int, folder: Folder) -> None:
    """Siblings hang in a row, each to the right of the one before, by length and name."""
    before = None
    for name in sorted(folder, key=lambda each: (len(each), each.upper())):
        content, here = folder[name], len(entries)
        entries.append(Entry(name, 2, content) if isinstance(content, bytes) else Entry(name, 1))
        if before is None:
            entries[parent].child = here
        else:
            before.right = here
        before = entries[here]
        if not isinstance(content, bytes):
            _add(entries, here, content)


def _entry(entry: Entry, place: int, size: int) -> bytes:
    raw = entry.name.encode("utf-16-le") + b"\x00\x00"
    head = raw.ljust(64, b"\x00") + struct.pack("<HBBIII", len(raw), entry.kind, 1, _FREE, entry.right, entry.child)
    return head + b"\x00" * 36 + struct.pack("<IQ", place, size)


def message(offset: int, properties: Folder, **numbers: int) -> Folder:
    """The storage of a mail, an attachment or a receiver: texts by the number of their property, and a table."""
    table = b"".join(struct.pack("<HHIII", 3, int(key[1:], 16), 6, value, 0) for key, value in numbers.items())
    made: Folder = {"__properties_version1.0": b"\x00" * offset + table}
    for key, value in properties.items():
        made[key if key.startswith("__") else f"__substg1.0_{key}"] = value
    return made


def text(value: str) -> bytes:
    """A text as Outlook keeps it."""
    return value.encode("utf-16-le")
