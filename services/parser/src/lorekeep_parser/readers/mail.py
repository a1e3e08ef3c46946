"""EML and MSG: headers as front matter, then the texts; what is attached becomes documents of its own."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.media import Media
from lorekeep_parser.page import Attachment, Page, Wishes
from lorekeep_parser.readers import elements, markup, plain, unpacking, unstructured_elements
from lorekeep_parser.readers.html_head import Head
from lorekeep_parser.readers.mail_parts import Body, Mail, author

_MARKUP = re.compile(r"<[^<>]*>")
_MOST_NAMES_SHOWN = 200


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "MailReader":
    """Reads a mail; CORRUPT where it cannot be taken apart."""
    with unstructured_elements.reading("mail"):
        if kind is Media.EML:
            from lorekeep_parser.readers import eml

            return MailReader(path, kind, eml.taken_apart(path.read_bytes()), wishes)
        from lorekeep_parser.readers import msg

        return MailReader(path, kind, msg.taken_apart(path), wishes)


class MailReader:
    """One page: front matter, then the texts in their order."""

    pages_total = 1

    def __init__(self, path: Path, kind: Media, mail: Mail, wishes: Wishes) -> None:
        authors = [author(mail.sender)] if mail.sender else []
        self.properties = document_pb2.Properties(title=mail.subject, authors=authors, created_at=mail.date)
        self.media_type = kind.value
        self.route = "mail.eml" if kind is Media.EML else "mail.msg"
        self._path = path
        self._mail = mail
        self._wanted = wishes.attachments

    def pages(self, first: int) -> Iterator[Page]:
        """The whole mail."""
        if first > 0:
            return
        page = Page(self._elements(), warnings=list(self._mail.warnings))
        names = (each.name for each in self._mail.inside)
        page.attachments = self._attachments(page) if self._wanted else map(unpacking.named, names)
        yield page

    def _elements(self) -> Iterator[elements.Element]:
        names = ", ".join(each.name for each in self._mail.inside[:_MOST_NAMES_SHOWN])
        yield elements.front_matter([*self._mail.fields, ("Attachments", names)])
        for body in self._mail.bodies:
            yield from _of_body(body)

    def _attachments(self, page: Page) -> Iterator[Attachment]:
        inside = unpacking.Unpacking(self._path)
        for each in self._mail.inside:
            made = inside.attachment(each.name, each.declared, [each.content])
            if made is not None:
                yield made
        inside.tell(page)


def _of_body(body: Body) -> list[elements.Element]:
    """The HTML of a text, for its tables and headings, unless it says less than the plain one beside it."""
    said = len("".join(body.plain.split()))
    if body.html and 2 * len("".join(_MARKUP.sub(" ", body.html).split())) >= said:
        made = _of_html(body.html)
        if any(each.text.strip() for each in made):
            return made
    return list(plain.paragraphs(body.plain))


def _of_html(html: str) -> list[elements.Element]:
    """Nothing where it cannot be taken apart: the plain text beside it may say the same."""
    with suppress(InvalidInput), unstructured_elements.reading("mail"):
        return list(markup.page_elements(html, 0, Head()))
    return []
