"""What stands around every gRPC handler: token, context, deadline, span, metrics, errors.

A handler is a coroutine or an async generator; it reads `calls.current()` and raises a LorekeepError. Health checks
pass without a token; reflection needs it.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

import grpc

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


# Set where a call's handler is looked up, which is the task that runs the handler: to ask grpc again costs 4 us.
_METADATA: ContextVar[Any] = ContextVar("lorekeep_call_metadata")


class ServerCalls(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """The one server interceptor. `token` is the service token that callers must send; see `grpc_server`."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._handlers: dict[str, Any] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        _METADATA.set(handler_call_details.invocation_metadata or ())
        method = handler_call_details.method or ""
        # Wrapped once a method, not once a call; methods that are not there are without number, and not kept.
        handler = self._handlers.get(method)
        if handler is None:
            handler = await continuation(handler_call_details)
            if handler is not None:
                handler = self._handlers[method] = self._wrapped(handler, method)
        return handler

    def _wrapped(self, handler: Any, method: str) -> Any:
        if method.startswith(_OPEN_PREFIX):
            return handler
        needs_context = not method.startswith(_WITHOUT_CONTEXT_PREFIXES)
        return _wrapped(handler, _Method(method.lstrip("/"), needs_context, self._token))


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of this server, the same for all of its calls."""

    name: str
    needs_context: bool
    token: bytes


class _Call:
    """One incoming call, counted and traced while its handler runs inside."""

    __slots__ = ("_context", "_headers", "_measure", "_method", "_running", "_span")

    def __init__(self, method: _Method, context: Context) -> None:
        self._method = method
        self._context = context
        self._headers: dict[str, Any] = dict(_METADATA.get())

    def __enter__(self) -> Self:
        self._measure = metrics.CallMeasure("server", self._method.name).__enter__()
        self._running = tracing.served(self._method.name, self._headers)
        self._span = self._running.__enter__()
        if self._span.is_recording():
            self._span.set_attributes({"rpc.system": "grpc", "rpc.method": self._method.name})
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is not None:
            self._measure.code = code_of(error).name
            self._span.set_attribute("rpc.grpc.status_code", self._measure.code)
        # First the measure, while the span is current, whose trace is its exemplar.
        self._measure.__exit__()
        self._running.__exit__(kind, error, traceback)

    def admit(self) -> None:
        """Lets the call in: authenticated, in its context and bounded until its end. It has a task of its own, whose
        context ends with it: nothing is reset.
        """
        given = str(self._headers.get("authorization", "")).removeprefix("Bearer ").encode()
        if not hmac.compare_digest(given, self._method.token):
            raise errors.Unauthenticated(
                "The call has no valid service token. Send it as `authorization: Bearer ...` metadata.",
                reason="service_token_required",
            )
        calls.calling_as(self._caller()).__enter__()
        calls.deadline(self._context.time_remaining()).__enter__()

    def _caller(self) -> calls.CallContext:
        if not self._method.needs_context:
            return calls.CallContext("", "", "", calls.Lane.INTERACTIVE)
        return calls.CallContext.of_metadata(self._headers)


def code_of(error: BaseException) -> grpc.StatusCode:
    """The gRPC code under which an exception leaves a handler."""
    if isinstance(error, errors.LorekeepError):
        return error.code
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return grpc.StatusCode.CANCELLED
    return grpc.StatusCode.INTERNAL


def _wrapped(handler: Any, method: _Method) -> Any:
    read = each_decoded if handler.request_streaming else decoded
    if handler.response_streaming:
        inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
        behaviour = _streaming(inner, method, read)
    else:
        inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
        behaviour = _unary(inner, method, read)
    make = _MAKERS[handler.request_streaming, handler.response_streaming]
    return make(behaviour, decoding(handler.request_deserializer), handler.response_serializer)


def _unary(inner: Handler, method: _Method, read: Callable[[Any], Any]) -> Handler:
    async def behaviour(request: Any, context: Context) -> Any:
        try:
            with _Call(method, context) as call:
                call.admit()
                return await inner(read(request), context)
        except Exception as error:  # noqa: BLE001 - the edge: everything becomes a typed status
            await _abort(context, error, method.name)

    return behaviour


def _streaming(inner: Handler, method: _Method, read: Callable[[Any], Any]) -> Handler:
    # A coroutine that writes, not a generator: grpc leaves the generator of a cancelled call to the collector, which
    # closes it in another task, where no context variable can be reset.
    async def behaviour(request: Any, context: Context) -> None:
        try:
            with _Call(method, context) as call:
                call.admit()
                async with aclosing(inner(read(request), context)) as responses:
                    async for response in responses:
                        await _written(response, responses, context)
        except Exception as error:  # noqa: BLE001 - the edge: everything becomes a typed status
            await _abort(context, error, method.name)

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
