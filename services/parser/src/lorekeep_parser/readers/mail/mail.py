"""EML, MSG and mbox: headers as front matter, then the texts; what is attached becomes documents of its own."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Attachment, Page, Wishes
from lorekeep_parser.readers import elements, unstructured_elements
from lorekeep_parser.readers.archives import unpacking
from lorekeep_parser.readers.mail.mail_parts import Body, Mail, author
from lorekeep_parser.readers.markup import markup
from lorekeep_parser.readers.markup.html_head import Head
from lorekeep_parser.readers.texts import plain

_MARKUP = re.compile(r"<[^<>]*>")
_MOST_NAMES_SHOWN = 200


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "MailReader":
    """Reads a mail; CORRUPT where it cannot be taken apart."""
    with unstructured_elements.reading("mail"):
        if kind is Media.EML:
            from lorekeep_parser.readers.mail import eml, mailbox

            found = [eml.taken_apart(each) for each in mailbox.mails(path.read_bytes())]
            return MailReader(path, kind, found, wishes)
        from lorekeep_parser.readers.mail import msg

        return MailReader(path, kind, [msg.taken_apart(path)], wishes)


class MailReader:
    """One page: front matter, then the texts in their order; of a mailbox mail after mail."""

    pages_total = 1

    def __init__(self, path: Path, kind: Media, mails: list[Mail], wishes: Wishes) -> None:
        self.properties = _properties(mails[0]) if len(mails) == 1 else document_pb2.Properties()
        self.media_type = kind.value
        self.route = "mail.eml" if kind is Media.EML else "mail.msg"
        self._path = path
        self._mails = mails
        self._inside = [each for mail in mails for each in mail.inside]
        self._wanted = wishes.attachments

    def pages(self, first: int) -> Iterator[Page]:
        """The whole mail."""
        if first > 0:
            return
        page = Page(
            self._elements(), warnings=list(dict.fromkeys(each for mail in self._mails for each in mail.warnings))
        )
        names = (each.name for each in self._inside)
        page.attachments = self._attachments(page) if self._wanted else map(unpacking.named, names)
        yield page

    def _elements(self) -> Iterator[elements.Element]:
        for mail in self._mails:
            names = ", ".join(each.name for each in mail.inside[:_MOST_NAMES_SHOWN])
            yield elements.front_matter([*mail.fields, ("Attachments", names)])
            for body in mail.bodies:
                yield from _of_body(body)

    def _attachments(self, page: Page) -> Iterator[Attachment]:
        inside = unpacking.Unpacking(self._path)
        for each in self._inside:
            made = inside.attachment(each.name, each.declared, [each.content])
            if made is not None:
                yield made
        inside.tell(page)


def _properties(mail: Mail) -> document_pb2.Properties:
    authors = [author(mail.sender)] if mail.sender else []
    return document_pb2.Properties(title=mail.subject, authors=authors, created_at=mail.date)


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
