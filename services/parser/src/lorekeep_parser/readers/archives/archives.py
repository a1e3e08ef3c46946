"""ZIP, TAR and single compressed files: a listing of the members, which become documents of their own."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Attachment, Page, Wishes
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.archives import archive_members, unpacking
from lorekeep_parser.readers.archives.archive_members import Listing, Member

_UNSEEN = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "ArchiveReader":
    """Reads an archive; CORRUPT where its listing cannot be read, ENCRYPTED where all of its members are."""
    try:
        listing = archive_members.listed(path, kind, name)
    except archive_members.UNREADABLE as error:
        raise failures.corrupt("archive") from error
    files = [each for each in listing.members if not each.obstacle]
    if not files and any(each.obstacle == "member_encrypted" for each in listing.members):
        raise failures.encrypted("archive")
    return ArchiveReader(path, kind, name, listing, wanted=wishes.attachments)


class ArchiveReader:
    """One page: how the archive is called, then the paths of its members. Each of them is an attachment."""

    pages_total = 1

    def __init__(self, path: Path, kind: Media, name: str, listing: Listing, wanted: bool) -> None:
        self.properties = document_pb2.Properties()
        self.media_type = kind.value
        self.route = "archive"
        self._path = path
        self._kind = kind
        self._name = name
        self._wanted = wanted
        self._listing = listing

    def pages(self, first: int) -> Iterator[Page]:
        """The one page."""
        if first > 0:
            return
        page = Page(self._elements(), warnings=list(self._listing.warnings))
        page.truncations = len(page.warnings)
        page.attachments = self._attachments(page) if self._wanted else map(unpacking.named, self._names())
        yield page

    def _names(self) -> list[str]:
        return [each.name for each in self._listing.members if not _unseen(each.name)]

    def _elements(self) -> Iterator[elements.Element]:
        names = self._names()
        yield elements.front_matter([("Archive", self._name or "untitled"), ("Members", str(len(names)))])
        for each in names:
            yield elements.Element(kind=elements.Kind.ELEMENT_KIND_LIST_ITEM, text=each)

    def _attachments(self, page: Page) -> Iterator[Attachment]:
        """What the archive is broken or too large behind was told with its listing."""
        inside = unpacking.Unpacking(self._path)
        with suppress(unpacking.Exhausted, *archive_members.UNREADABLE):
            for member in archive_members.members(self._path, self._kind, self._name):
                if not _unseen(member.name) and (made := _unpacked(inside, member)) is not None:
                    yield made
        inside.tell(page)


def _unpacked(inside: unpacking.Unpacking, member: Member) -> Attachment | None:
    if member.obstacle:
        inside.leave_out(member.name, member.obstacle)
        return None
    try:
        return inside.attachment(member.name, "", member.pieces())
    except archive_members.UNREADABLE:
        inside.leave_out(member.name, "member_damaged")
        return None


def _unseen(name: str) -> bool:
    """What systems put into archives beside the files that were meant."""
    return name.startswith(_UNSEEN[0]) or name.rpartition("/")[2] in _UNSEEN
