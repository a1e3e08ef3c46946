"""Office packages: a zip whose XML parts refer to each other. Nothing in one is believed without a bound.

zipfile unpacks no more of a member than the directory declares, and the directory's sum was bounded when the document
was recognised. XML is read without entities: a part that opens with a document type is refused before a parser for
trees sees it, since no office program writes one.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote
from xml.parsers import expat

from lxml import etree

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures

MAX_TREE_BYTES = 64 * 2**20
_HEAD_BYTES = 64 * 1024
_MAX_PROLOGUE_BYTES = 2**20
_MAX_RELATIONS = 20_000
_MAX_PROPERTY, _MAX_LISTED = 4096, 100
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")
# What reading a damaged package raises.
DAMAGE = (etree.XMLSyntaxError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, LookupError,
          ValueError)  # fmt: skip


def local(element: Any) -> str:
    """An element's name without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """An attribute by its local name, whatever its namespace; empty where it is not there."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""


def integer(text: str | None, default: int) -> int:
    """A small whole number as XML writes it."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


class Package:
    """An open package. Members are found whatever their case, since some programs write them so."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        self._names = {_folded(each): each for each in reversed(self.archive.namelist())}

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._names

    def size(self, name: str) -> int:
        """What a member unpacks to, as declared; 0 where it is not there."""
        return self.archive.getinfo(self._names[_folded(name)]).file_size if name in self else 0

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """A member's bytes, free of document types."""
        member = self._names[_folded(name)]
        with self.archive.open(member) as file:
            refuse_document_type(file)
        with self.archive.open(member) as file:
            yield file

    def events(
        self, name: str, kinds: tuple[str, ...], tags: tuple[str, ...] | None = None
    ) -> Generator[Any, None, None]:
        """Events of a member's XML as it is read. Whoever takes them clears the elements."""
        with self.opened(name) as file:
            yield from etree.iterparse(
                file, events=kinds, tag=tags, resolve_entities=False, no_network=True, load_dtd=False,
                remove_comments=True, remove_pis=True, huge_tree=True,
            )  # fmt: skip

    def tree(self, name: str) -> Any:
        """The root of a small member; None where it is not there. TOO_LARGE beyond what an honest one has."""
        if name not in self:
            return None
        if self.size(name) > MAX_TREE_BYTES:
            raise failures.too_large_unpacked(MAX_TREE_BYTES)
        with self.opened(name) as file:
            parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
            return etree.fromstring(file.read(), parser)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to inside of the package: type's last word and member by id."""
        folder, name = posixpath.split(part)
        root = self.tree(posixpath.join(folder, "_rels", f"{name}.rels"))
        found: dict[str, tuple[str, str]] = {}
        for each in () if root is None else root[:_MAX_RELATIONS]:
            if each.get("TargetMode") != "External":
                target = unquote(each.get("Target", "")).replace("\\", "/")
                kind = each.get("Type", "").rpartition("/")[2]
                found[each.get("Id", "")] = kind, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        return found

    def related(self, part: str, *kinds: str) -> list[str]:
        """The members of some kinds that a part refers to and that are there."""
        return [member for kind, member in self.relations(part).values() if kind in kinds and member in self]

    def main(self, default: str) -> str:
        """The main part."""
        return next(iter(self.related("", "officeDocument")), default)

    def properties(self) -> document_pb2.Properties:
        """What the document says of itself: `docProps/core.xml`, or `meta.xml` of an open document."""
        parts = [*self.related("", "core-properties"), "docProps/core.xml", "meta.xml"]
        try:
            root = next((root for each in parts if (root := self.tree(each)) is not None), None)
        except DAMAGE:
            root = None
        return document_pb2.Properties() if root is None else properties_of(root)


def _folded(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()


class _RootReached(Exception):
    """The root element began: no document type can follow."""


def refuse_document_type(file: IO[bytes]) -> None:
    """Reads up to the root element; CORRUPT where a document type stands before it."""

    def refused(*_: object) -> None:
        raise failures.corrupt("document")

    def reached(*_: object) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refused
    parser.StartElementHandler = reached
    try:
        for _ in range(_MAX_PROLOGUE_BYTES // _HEAD_BYTES):
            head = file.read(_HEAD_BYTES)
            parser.Parse(head, not head)
    except _RootReached:
        return
    except expat.ExpatError as error:
        raise failures.corrupt("document") from error
    raise failures.corrupt("document")


def clear(element: Any) -> None:
    """Lets go of an element that was read, and of those before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def properties_of(root: Any) -> document_pb2.Properties:
    """Properties from elements named as Dublin Core, OOXML and ODF name them; `properties.bounded` cleans them."""
    said: dict[str, list[str]] = {}
    for each in root.iter():
        text = (each.text or "").strip() if local(each) else ""
        if text:
            said.setdefault(local(each), []).append(text[:_MAX_PROPERTY])
    first = {name: values[0] for name, values in said.items()}
    authors = [author for each in said.get("initial-creator", said.get("creator", [])) for author in each.split(";")]
    words = [word for name in ("keywords", "keyword") for each in said.get(name, ()) for word in re.split("[,;]", each)]
    return document_pb2.Properties(
        title=first.get("title", ""),
        authors=authors[:_MAX_LISTED],
        created_at=_moment(first.get("created", first.get("creation-date", ""))),
        modified_at=_moment(first.get("modified", first.get("date", ""))),
        subject=first.get("subject", ""),
        keywords=words[:_MAX_LISTED],
    )


def _moment(text: str) -> str:
    """RFC 3339, or a date alone."""
    match = _DATE.match(text)
    if match is None:
        return ""
    if match.group(1) is None or match.group(2) is None:
        return text[:10]
    return match.group(0) if match.group(4) else f"{match.group(0)}Z"
