"""What stands around every gRPC handler: token, context, deadline, span, metrics, errors.

A handler is a coroutine or an async generator; it reads `calls.current()` and raises a LorekeepError. Health checks
pass without a token; reflection needs it.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import grpc
from opentelemetry.trace import SpanKind

from lorekeep_chassis import calls, errors, logs, metrics, tracing
from lorekeep_chassis.decoding import decoded, decoding, each_decoded

_LOG = logs.logger(__name__)
_OPEN_PREFIX = "/grpc.health."
_WITHOUT_CONTEXT_PREFIXES = ("/grpc.reflection.",)

# grpc's classes are generic in its stubs and plain at run time.
Context = Any
Handler = Callable[[Any, Context], Any]


_MAKERS: dict[tuple[bool, bool], Callable[..., Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class ServerCalls(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """The one server interceptor. `token` is the service token that callers must send; see `grpc_server`."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method or ""
        if handler is None or method.startswith(_OPEN_PREFIX):
            return handler
        call = _Call(method, dict(handler_call_details.invocation_metadata or ()), self._token)
        return _wrapped(handler, call)


class _Call:
    """One incoming call, as its metadata tells it."""

    def __init__(self, method: str, metadata: dict[str, Any], token: bytes) -> None:
        self.method = method.lstrip("/")
        self._metadata = metadata
        self._token = token
        self._needs_context = not method.startswith(_WITHOUT_CONTEXT_PREFIXES)

    @contextmanager
    def around(self, context: Context) -> Iterator[None]:
        """Runs a handler inside: authenticated, in its context, bounded, traced and counted."""
        with (
            metrics.rpc_measured("server", self.method) as measure,
            tracing.continued(self._metadata),
            tracing.span(self.method, kind=SpanKind.SERVER) as span,
        ):
            span.set_attributes({"rpc.system": "grpc", "rpc.method": self.method})
            try:
                self._authenticate()
                with calls.calling_as(self._context()), calls.deadline(context.time_remaining()):
                    yield
            except BaseException as error:
                measure.code = code_of(error).name
                span.set_attribute("rpc.grpc.status_code", measure.code)
                raise

    def _authenticate(self) -> None:
        given = str(self._metadata.get("authorization", "")).removeprefix("Bearer ").encode()
        if not hmac.compare_digest(given, self._token):
            raise errors.Unauthenticated(
                "The call has no valid service token. Send it as `authorization: Bearer ...` metadata.",
                reason="service_token_required",
            )

    def _context(self) -> calls.CallContext:
        if not self._needs_context:
            return calls.CallContext("", "", "", calls.Lane.INTERACTIVE)
        return calls.CallContext.of_metadata(self._metadata)


def code_of(error: BaseException) -> grpc.StatusCode:
    """The gRPC code under which an exception leaves a handler."""
    if isinstance(error, errors.LorekeepError):
        return error.code
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return grpc.StatusCode.CANCELLED
    return grpc.StatusCode.INTERNAL


def _wrapped(handler: Any, call: _Call) -> Any:
    read = each_decoded if handler.request_streaming else decoded
    if handler.response_streaming:
        inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
        behaviour = _streaming(inner, call, read)
    else:
        inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
        behaviour = _unary(inner, call, read)
    make = _MAKERS[handler.request_streaming, handler.response_streaming]
    return make(behaviour, decoding(handler.request_deserializer), handler.response_serializer)


def _unary(inner: Handler, call: _Call, read: Callable[[Any], Any]) -> Handler:
    async def behaviour(request: Any, context: Context) -> Any:
        try:
            with call.around(context):
                return await inner(read(request), context)
        except Exception as error:  # noqa: BLE001 - the edge: everything becomes a typed status
            await _abort(context, error, call.method)

    return behaviour


def _streaming(inner: Handler, call: _Call, read: Callable[[Any], Any]) -> Handler:
    # A coroutine that writes, not a generator: grpc leaves the generator of a cancelled call to the collector, which
    # closes it in another task, where no context variable can be reset.
    async def behaviour(request: Any, context: Context) -> None:
        try:
            with call.around(context):
                async with aclosing(inner(read(request), context)) as responses:
                    async for response in responses:
                        await _written(response, responses, context)
        except Exception as error:  # noqa: BLE001 - the edge: everything becomes a typed status
            await _abort(context, error, call.method)

    return behaviour


async def _written(response: Any, responses: AsyncGenerator[Any, None], context: Context) -> None:
    """Writes an answer. A handler's own time limit cancels this task here, where the handler does not look: it is told,
    so that it can say what happened; a caller who left is told to it alike, and passes through.
    """
    try:
        await context.write(response)
    except asyncio.CancelledError as error:
        await responses.athrow(error)
        raise


async def _abort(context: Context, error: Exception, method: str) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if not isinstance(error, errors.LorekeepError):
        _LOG.log(logging.ERROR, "%s failed", method, exc_info=error)
        error = errors.Internal()
    status = errors.to_status(error)
    await context.abort(status.code, status.details, status.trailing_metadata)
