"""The application, wired."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import Scope

from lorekeep_gateway.http import collections, documents, errors, health, jobs, reindex, search, uploads, versions
from lorekeep_gateway.http.description import described, operations
from lorekeep_gateway.http.guards import Guards
from lorekeep_gateway.http.limits import BodyLimit, Bound, TimeLimit
from lorekeep_gateway.http.parts import Parts
from lorekeep_gateway.http.telemetry import Telemetry
from lorekeep_gateway.settings import MEBIBYTE

BATCH_BYTES = 90 * MEBIBYTE
_UPLOAD_SECONDS = 300.0
_SMALL_BYTES = MEBIBYTE
# Boundaries, part headers, metadata and ids beside the files themselves.
_FORM_BYTES = MEBIBYTE
# Versions before documents, whose ids hold slashes and would take their paths.
ROUTERS = (
    collections.router,
    reindex.router,
    versions.router,
    documents.router,
    uploads.router,
    jobs.router,
    search.router,
    health.router,
)


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
    app.add_middleware(BodyLimit, most=_body_bytes(parts.settings.max_file_size))
    app.add_middleware(TimeLimit, seconds=_answer_seconds(parts.settings.query_timeout_seconds))
    app.add_middleware(Guards, hosts=parts.settings.allowed_hosts, draining=draining)
    app.add_middleware(Telemetry, access_log=parts.settings.access_log)
    return app


def _body_bytes(max_file_bytes: int) -> Bound:
    def most(scope: Scope) -> float:
        if scope["path"].endswith("/documents:batch"):
            return BATCH_BYTES
        return max_file_bytes + _FORM_BYTES if _is_upload(scope) else _SMALL_BYTES

    return most


def _answer_seconds(query_seconds: float) -> Bound:
    return lambda scope: max(_UPLOAD_SECONDS, query_seconds) if _is_upload(scope) else query_seconds


def _is_upload(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] == "POST" and path.endswith(("/documents", "/documents:batch"))
