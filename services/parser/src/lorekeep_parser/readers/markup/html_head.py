"""What the head of an HTML document tells: its title and the meta fields that are properties."""

from collections.abc import Mapping

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers import property_fields

_MAX_TITLE_CHARACTERS = 4096
_AUTHOR = ("author", "article:author", "dc.creator", "dcterms.creator", "citation_author")
_CREATED = (
    "article:published_time",
    "date",
    "dc.date",
    "dcterms.created",
    "citation_publication_date",
    "datepublished",
)
_MODIFIED = ("article:modified_time", "dcterms.modified", "last-modified", "datemodified", "og:updated_time")
_SUBJECT = ("description", "dc.description", "dcterms.description", "og:description")
_TITLE = ("og:title", "dc.title", "dcterms.title", "citation_title")
_KEYWORDS = ("keywords", "news_keywords", "dc.subject")


class Head:
    """Takes title and meta elements from the stream of events: each method says whether the event was its own."""

    def __init__(self) -> None:
        self.title = ""
        self._pieces: list[str] | None = None
        self._meta: dict[str, list[str]] = {}
        self._in_svg = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """An element begins."""
        self._in_svg += tag == "svg"
        if tag == "meta":
            self._note(attributes)
        elif tag == "title" and not self.title and not self._in_svg:
            self._pieces = []
        return tag == "meta" or (tag == "title" and self._pieces is not None)

    def end(self, tag: str) -> bool:
        """An element ends."""
        self._in_svg = max(0, self._in_svg - (tag == "svg"))
        if tag != "title" or self._pieces is None:
            return tag == "meta"
        self.title = " ".join("".join(self._pieces).split())[:_MAX_TITLE_CHARACTERS]
        self._pieces = None
        return True

    def data(self, text: str) -> bool:
        """Text."""
        if self._pieces is None:
            return False
        self._pieces.append(text)
        return True

    def tell(self, properties: document_pb2.Properties) -> None:
        """Writes what was found."""
        property_fields.tell(
            properties,
            title=self.title or next(iter(self._of(_TITLE)), ""),
            authors=self._of(_AUTHOR),
            created=next(iter(self._of(_CREATED)), ""),
            modified=next(iter(self._of(_MODIFIED)), ""),
            subject=next(iter(self._of(_SUBJECT)), ""),
            keywords=[word for line in self._of(_KEYWORDS) for word in line.split(",")],
        )

    def _note(self, attributes: Mapping[str, str]) -> None:
        name = (attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or "").lower()
        content = attributes.get("content") or ""
        if name and content and len(self._meta) < 200 and len(self._meta.get(name, ())) < 64:
            self._meta.setdefault(name, []).append(content[:_MAX_TITLE_CHARACTERS])

    def _of(self, names: tuple[str, ...]) -> list[str]:
        return next((self._meta[name] for name in names if name in self._meta), [])
