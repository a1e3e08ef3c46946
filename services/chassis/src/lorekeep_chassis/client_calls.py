"""What stands around every outgoing gRPC call: token, context, trace, deadline, metrics.

A call takes its deadline from `timeout=` and from `calls.deadline`, the earlier of both; a call without either is a
mistake of the program and refused. Errors come out as gRPC's; `translated` turns them into the house's tree.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from lorekeep_chassis import calls, errors, metrics, tracing

_Continuation = Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]]


class _ClientCalls:
    """Shared by the interceptors of all call shapes."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def _started(self, continuation: _Continuation, details: grpc.aio.ClientCallDetails, request: Any) -> Any:
        method = _text(details.method).lstrip("/")
        span = tracing.tracer().start_span(method, kind=SpanKind.CLIENT)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                prepared = self._prepared(details)
            call = await continuation(prepared, request)
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            span.end()
            raise
        task = asyncio.get_running_loop().create_task(_observed(call, span, method))
        _OBSERVERS.add(task)
        task.add_done_callback(_OBSERVERS.discard)
        return call

    def _prepared(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        left = calls.remaining_seconds()
        bounds = [each for each in (left, details.timeout) if each is not None]
        if not bounds:
            raise RuntimeError(f"{_text(details.method)} was called without a deadline")
        metadata = grpc.aio.Metadata(
            ("authorization", f"Bearer {self._token}"), *calls.current().metadata(), *tracing.carrier().items()
        )
        for key, value in details.metadata or ():
            metadata.add(key, value)
        return grpc.aio.ClientCallDetails(
            details.method, min(bounds), metadata, details.credentials, details.wait_for_ready
        )


class UnaryCalls(_ClientCalls, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """Waits here for the end of the call, which costs a caller less than a task that watches it."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        method = _text(client_call_details.method).lstrip("/")
        with tracing.span(method, kind=SpanKind.CLIENT) as span:
            call = await continuation(self._prepared(client_call_details), request)
            with metrics.CallMeasure("client", method) as measure:
                code = grpc.StatusCode.CANCELLED
                try:
                    code = await call.code()
                except asyncio.CancelledError:
                    call.cancel()
                    raise
                finally:
                    measure.code = code.name
                    _tell(span, method, code)
        return call


class DownstreamCalls(_ClientCalls, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._started(continuation, client_call_details, request)


class BothWaysCalls(_ClientCalls, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await self._started(continuation, client_call_details, request_iterator)


def interceptors(token: str) -> list[Any]:
    """The interceptors of a channel whose callee expects `token`."""
    return [UnaryCalls(token), DownstreamCalls(token), BothWaysCalls(token)]


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turns gRPC errors raised inside into LorekeepErrors."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise errors.of_rpc_error(error) from None


_OBSERVERS: set[asyncio.Task[None]] = set()


async def _observed(call: Any, span: trace.Span, method: str) -> None:
    """Waits for the end of a call, however it comes, and writes it down."""
    with (
        trace.use_span(span, end_on_exit=True, record_exception=False),
        metrics.CallMeasure("client", method) as measure,
    ):
        code = await call.code()
        measure.code = code.name
        _tell(span, method, code)


def _tell(span: trace.Span, method: str, code: grpc.StatusCode) -> None:
    if span.is_recording():
        span.set_attributes({"rpc.system": "grpc", "rpc.method": method, "rpc.grpc.status_code": code.name})
        if code is not grpc.StatusCode.OK:
            span.set_status(StatusCode.ERROR, code.name)


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method
