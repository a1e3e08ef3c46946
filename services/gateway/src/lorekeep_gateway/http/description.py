"""What /openapi.json says beyond the routes: how to authenticate, and that nothing else is offered."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from lorekeep_gateway.http.auth import Caller, caller_of

_ABOUT = """Semantic search over your documents: upload a file, and seconds later its passages are found by meaning and
by word, with page-exact citations. Every error is `{"error": {"reason", "message", "trace_id"}}`."""
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `kb_...`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same API key."},
}


def described(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Makes `app` describe itself, once, when first asked."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=_ABOUT, routes=app.routes
    )
    document.setdefault("components", {})["securitySchemes"] = dict(_SCHEMES)
    for route, method in operations(routers):
        operation = document["paths"][route.path_format][method.lower()]
        asked = caller_of(route.dependant)
        if asked:
            operation["security"] = _security(asked, document["components"]["securitySchemes"])
            operation["description"] += f"\n\nA key needs the scope {' or '.join(sorted(asked.scopes))}."
    return document


def _security(asked: Caller, schemes: dict[str, Any]) -> list[dict[str, list[str]]]:
    ways = ["bearer", "key"]
    if asked.header:
        ways.append(asked.header)
        schemes[asked.header] = {**_SCHEMES["key"], "name": asked.header}
    return [{each: []} for each in ways]


def operations(routers: Sequence[APIRouter]) -> list[tuple[APIRoute, str]]:
    """Every route with each of its methods."""
    routes = [each for router in routers for each in router.routes if isinstance(each, APIRoute)]
    return [(route, method) for route in routes for method in sorted(route.methods or ())]
