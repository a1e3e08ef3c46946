"""Metrics of the parser, on the default registry. Labels are bounded: routes and reasons are the parser's own words."""

from prometheus_client import Counter, Gauge, Histogram

from lorekeep_chassis.metrics import BUCKETS_SECONDS

DOCUMENTS = Counter("parser_documents_total", "Documents read, by route and outcome.", ("route", "outcome"))
SECONDS = Histogram("parser_document_duration_seconds", "Time to read a document.", ("route",), buckets=BUCKETS_SECONDS)
CHILDREN = Gauge("parser_children_in_flight", "Children at work.")
CRASHES = Counter("parser_child_crashes_total", "Children that died or failed in a way nobody foresaw.")

# The ways in which documents are read, and `chunk`. A child that was taken over may name any other.
ROUTES = frozenset(
    {
        "archive", "calamine", "chunk", "code", "csv", "docx-stream", "epub", "html", "json", "libreoffice.docx",
        "libreoffice.pptx", "light_markup", "mail.eml", "mail.msg", "markdown", "notebook", "ods", "opendocument",
        "pdfminer", "pypdfium2", "pypdfium2+pdfminer", "remote", "rtf", "subtitles", "tesseract", "text",
        "unstructured.docx", "unstructured.hi_res", "unstructured.pptx", "xlsx", "xml",
    }
)  # fmt: skip
OTHER_ROUTE = "other"


def route_label(route: str) -> str:
    """The label for a route that a child named."""
    return route if route in ROUTES else OTHER_ROUTE
