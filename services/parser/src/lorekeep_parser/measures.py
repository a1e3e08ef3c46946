"""Metrics of the parser, on the default registry. Labels are bounded: routes and reasons are the parser's own words."""

from prometheus_client import Counter, Gauge, Histogram

from lorekeep_chassis.metrics import BUCKETS_SECONDS

DOCUMENTS = Counter("parser_documents_total", "Documents read, by route and outcome.", ("route", "outcome"))
SECONDS = Histogram("parser_document_duration_seconds", "Time to read a document.", ("route",), buckets=BUCKETS_SECONDS)
CHILDREN = Gauge("parser_children_in_flight", "Children at work.")
CRASHES = Counter("parser_child_crashes_total", "Children that died or failed in a way nobody foresaw.")
