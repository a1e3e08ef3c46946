"""The application, wired."""

import re
from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import Scope

from lorekeep_gateway.http import (
    collections,
    documents,
    errors,
    files,
    health,
    job_events,
    jobs,
    pages,
    previews,
    qnas,
    queues,
    reconciliation,
    reindex,
    search,
    staged_uploads,
    texts,
    uploads,
    versions,
    webhooks,
    websites,
)
from lorekeep_gateway.http.description import described, operations
from lorekeep_gateway.http.guards import Guards
from lorekeep_gateway.http.limits import BodyLimit, Bound, TimeLimit
from lorekeep_gateway.http.partition import route as partition
from lorekeep_gateway.http.parts import Parts
from lorekeep_gateway.http.telemetry import Telemetry
from lorekeep_gateway.settings import MEBIBYTE, GatewaySettings
from lorekeep_gateway.staged_uploads import PART_BYTES

BATCH_BYTES = 90 * MEBIBYTE
_UPLOAD_SECONDS = 300.0
# The parser's own 300 seconds for a document of up to 100 pages, and some for its way.
_PARTITION_SECONDS = 330.0
_LONGEST_WAIT_SECONDS = 60.0
_SMALL_BYTES = MEBIBYTE
# Boundaries, part headers, metadata and ids beside the files themselves.
_FORM_BYTES = MEBIBYTE
# Versions before documents, whose ids hold slashes and would take their paths.
ROUTERS = (
    collections.router,
    reindex.router,
    versions.router,
    pages.router,
    previews.router,
    documents.router,
    uploads.router,
    files.router,
    texts.router,
    qnas.router,
    websites.router,
    staged_uploads.router,
    jobs.router,
    webhooks.router,
    job_events.router,
    queues.router,
    reconciliation.router,
    search.router,
    partition.router,
    health.router,
)
_COLLECTION = r"/api/v1/collections/[^/]+"
_FORMS = re.compile(rf"{_COLLECTION}/(documents|files|chunks:preview)")
_BATCHES = re.compile(rf"{_COLLECTION}/documents:batch")
_TEXTS = re.compile(rf"{_COLLECTION}/(texts|qnas)(/.+)?")
_PARTS = re.compile(rf"{_COLLECTION}/uploads/[^/]+/parts/[^/]+")
_LONG = re.compile(rf"{_COLLECTION}/(uploads/[^/]+/complete|websites(/.+)?|reconcile)")
_PARTITION = re.compile(re.escape(partition.PATH))
# A character of JSON takes twelve bytes at most, as two escapes of halves of a pair.
_CHAR_BYTES = 12


def create_app(parts: Parts, version: str, draining: Callable[[], bool] = lambda: False) -> FastAPI:
    """The public HTTP application over `parts`. While `draining()` answers close their connections."""
    app = FastAPI(
        title="lorekeep",
        version=version,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
    )
    app.state.parts = parts
    app.state.operations = operations(ROUTERS)
    errors.handle_in(app)
    for router in ROUTERS:
        app.include_router(router)
    described(app, ROUTERS)
    app.add_middleware(BodyLimit, most=_body_bytes(parts.settings))
    app.add_middleware(TimeLimit, seconds=_answer_seconds(parts.settings.query_timeout_seconds))
    app.add_middleware(Guards, hosts=parts.settings.allowed_hosts, draining=draining)
    app.add_middleware(Telemetry, access_log=parts.settings.access_log)
    return app


def _body_bytes(settings: GatewaySettings) -> Bound:
    text_bytes = _CHAR_BYTES * settings.max_text_chars + _FORM_BYTES
    bounds = {
        _BATCHES: BATCH_BYTES,
        _PARTITION: BATCH_BYTES,
        _FORMS: settings.max_file_size + _FORM_BYTES,
        _TEXTS: text_bytes,
        _PARTS: PART_BYTES,
    }

    def most(scope: Scope) -> float:
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return _SMALL_BYTES
        return next((bound for path, bound in bounds.items() if path.fullmatch(scope["path"])), _SMALL_BYTES)

    return most


def _answer_seconds(query_seconds: float) -> Bound:
    def seconds(scope: Scope) -> float:
        if scope["path"] == partition.PATH:
            return max(_PARTITION_SECONDS, query_seconds)
        if _is_upload(scope):
            return max(_UPLOAD_SECONDS, query_seconds)
        return query_seconds + (_LONGEST_WAIT_SECONDS if _is_long_poll(scope) else 0.0)

    return seconds


def _is_upload(scope: Scope) -> bool:
    kinds = (_BATCHES, _FORMS, _TEXTS, _PARTS, _LONG)
    return scope["method"] in ("POST", "PUT", "PATCH") and any(each.fullmatch(scope["path"]) for each in kinds)


def _is_long_poll(scope: Scope) -> bool:
    return scope["path"].startswith("/api/v1/jobs/") and b"wait=" in scope["query_string"]
