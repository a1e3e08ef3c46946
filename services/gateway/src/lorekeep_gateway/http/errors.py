"""One shape for everything that goes wrong: `{"error": {"reason", "message", "trace_id", "field"?}}`."""

import logging
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from lorekeep_chassis import errors, logs, tracing
from lorekeep_chassis.errors import LorekeepError
from lorekeep_gateway.metadata import UNSTORABLE

_LOG = logs.logger(__name__)
_MOST_FIELD_CHARS = 200
_MESSAGES = {
    404: "There is nothing here. GET /openapi.json lists what there is.",
    405: "This method is not offered here. GET /openapi.json lists those that are.",
}


def body_of(error: LorekeepError) -> dict[str, Any]:
    """The `error` object of an answer or of one result of a batch."""
    told = {"reason": error.reason, "message": spelt(error.message), "trace_id": tracing.trace_id()}
    return told | ({"field": spelt(error.field)[:_MOST_FIELD_CHARS]} if error.field else {})


def response_of(error: LorekeepError, **beside: str) -> JSONResponse:
    """An error as an HTTP answer; `beside` stands next to it."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="lorekeep"'
    return JSONResponse({"error": body_of(error), **beside}, error.http_status, headers)


def unexpected(error: Exception, what: str) -> JSONResponse:
    """Anything that was not foreseen: logged whole, told with a fixed text."""
    _LOG.log(logging.ERROR, "%s failed", what, exc_info=error)
    return response_of(errors.Internal())


def handle_in(app: FastAPI) -> None:
    """Makes `app` answer every error in this shape."""
    app.add_exception_handler(LorekeepError, _lorekeep)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _disconnected)


async def _lorekeep(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, LorekeepError):
        raise TypeError("only for LorekeepErrors") from error
    return response_of(error)


async def _disconnected(_: Request, __: Exception) -> JSONResponse:
    """Nobody reads this answer; it is counted and traced as the caller's doing."""
    return response_of(errors.InvalidInput("The body ended early. Send it again.", reason="body_incomplete"))


async def _validation(_: Request, error: Exception) -> JSONResponse:
    """The first thing that is wrong, by the name of its field."""
    if not isinstance(error, RequestValidationError):
        raise TypeError("only for validation errors") from error
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return response_of(errors.InvalidInput("The body is not valid JSON.", reason="invalid_json"))
    if len(first["loc"]) == 1:
        told = "The body must be a JSON object, sent with Content-Type: application/json."
        return response_of(errors.UnprocessableInput(told, field="body"))
    place = [str(each) for each in first["loc"][1:] if not isinstance(each, int) or len(first["loc"]) > 2]
    message = str(first["msg"]).removeprefix("Value error, ")
    return response_of(errors.UnprocessableInput(_sentence(message), field=".".join(place) or "body"))


async def _http(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own refusals: unknown routes and methods, bodies that broke while they were read."""
    if not isinstance(error, HTTPException):
        raise TypeError("only for HTTP exceptions") from error
    if isinstance(error.__cause__, LorekeepError):
        return response_of(error.__cause__)
    status = HTTPStatus(error.status_code)
    reason = {404: "not_found", 405: "method_not_allowed", 400: "invalid_input"}.get(status, status.name.lower())
    message = _MESSAGES.get(status, _sentence(str(error.detail)))
    told = {"reason": reason, "message": message, "trace_id": tracing.trace_id()}
    headers = {"Allow": _allowed(request)} if status == 405 else dict(error.headers or {})
    return JSONResponse({"error": told}, status, headers)


def _allowed(request: Request) -> str:
    """Every method of a path; the framework names those of its first route alone."""
    path, operations = request.scope["path"], request.app.state.operations
    return ", ".join(sorted({method for route, method in operations if route.path_regex.match(path)}))


def spelt(text: str) -> str:
    """What repeats a caller's words may hold what neither UTF-8 nor a kept answer can."""
    return UNSTORABLE.sub("\ufffd", text)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
