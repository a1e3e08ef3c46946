"""A compound file (OLE2) with given streams, as Office writes them around encrypted packages: [MS-CFB] version 3."""

import struct

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_ENTRY = struct.Struct("<64sHBBIII16sI8s8sIII")
_LEAST_BYTES = 4096  # smaller streams would lie in a mini stream, which this writer does not make


def container(streams: dict[str, bytes]) -> bytes:
    """The file; every stream is padded to at least 4,096 bytes."""
    padded = {name: content.ljust(_LEAST_BYTES, b"\0") for name, content in streams.items()}
    fat = [_FAT]
    directory_start = len(fat)
    directory_sectors = -(-(len(padded) + 1) // 4)
    fat += _chain(directory_start, directory_sectors)
    body, starts = b"", {}
    for name, content in padded.items():
        starts[name] = len(fat)
        fat += _chain(len(fat), -(-len(content) // _SECTOR))
        body += content.ljust(-(-len(content) // _SECTOR) * _SECTOR, b"\0")
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(_SECTOR, b"\xff")
    if len(table) > _SECTOR:
        raise ValueError("the streams are too long for one sector of allocation table")
    return _head(directory_start) + table + _directory(padded, starts).ljust(directory_sectors * _SECTOR, b"\0") + body


def _chain(start: int, count: int) -> list[int]:
    return [*range(start + 1, start + count), _END]


def _head(directory_start: int) -> bytes:
    head = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, 1,
        directory_start, 0, _LEAST_BYTES, _END, 0, _END, 0,
    )  # fmt: skip
    return head + struct.pack("<I", 0) + b"\xff" * 4 * 108


def _directory(streams: dict[str, bytes], starts: dict[str, int]) -> bytes:
    """A root whose children hang in a list to the right, which readers take as a tree."""
    names = sorted(streams, key=lambda each: (len(each), each.upper()))
    entries = [_entry("Root Entry", 5, _FREE, 1 if names else _FREE, _END, 0)]
    for number, name in enumerate(names, start=1):
        following = number + 1 if number < len(names) else _FREE
        entries.append(_entry(name, 2, following, _FREE, starts[name], len(streams[name])))
    return b"".join(entries)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return _ENTRY.pack(encoded, len(encoded), kind, 1, _FREE, right, child, b"", 0, b"", b"", start, size, 0)
