"""One tree of errors and one table: a class says its gRPC code, its HTTP status and its reason.

LorekeepError
+-- InvalidInput        INVALID_ARGUMENT     400   (422 where a well-formed body breaks a rule: `UnprocessableInput`)
+-- Unauthenticated     UNAUTHENTICATED      401
+-- PermissionDenied    PERMISSION_DENIED    403
+-- NotFound            NOT_FOUND            404
+-- AlreadyExists       ALREADY_EXISTS       409
+-- ModelMismatch       FAILED_PRECONDITION  409
+-- TooLarge            INVALID_ARGUMENT     413
+-- UnsupportedMedia    INVALID_ARGUMENT     415
+-- LimitExceeded       RESOURCE_EXHAUSTED   429   the caller's own bound
+-- Overloaded          RESOURCE_EXHAUSTED   503   this instance is saturated
+-- Unavailable         UNAVAILABLE          503
+-- DeadlineExceeded    DEADLINE_EXCEEDED    504
+-- Internal            INTERNAL             500   fixed text

A reason is a stable word, UPPER_SNAKE in gRPC's ErrorInfo and lower case in HTTP and in jobs. A message says what was
wrong and what to do; it never holds a stack, a host or a key.
"""

from typing import Any, ClassVar

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "lorekeep"
# The reason of a call whose end is not known, since a message towards the callee met it.
CALL_BROKEN = "call_broken"
_OF_GRPC_ITSELF = "Internal error from Core"
_FIXED_TEXT = "Something went wrong on our side. Try again; if it stays, give the trace id to your operator."


class LorekeepError(Exception):
    """What can go wrong, typed. `reason` refines the class; `retry_after_seconds` says when to come back."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    http_status: ClassVar[int] = 500
    default_reason: ClassVar[str] = "internal"

    def __init__(
        self, message: str, *, reason: str | None = None, retry_after_seconds: float | None = None, field: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.retry_after_seconds = retry_after_seconds
        self.field = field


class InvalidInput(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.INVALID_ARGUMENT, 400, "invalid_input"


class UnprocessableInput(InvalidInput):
    http_status, default_reason = 422, "invalid_field"


class Unauthenticated(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.UNAUTHENTICATED, 401, "unauthenticated"


class PermissionDenied(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.PERMISSION_DENIED, 403, "permission_denied"


class NotFound(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.NOT_FOUND, 404, "not_found"


class AlreadyExists(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.ALREADY_EXISTS, 409, "already_exists"


class ModelMismatch(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.FAILED_PRECONDITION, 409, "model_mismatch"


class TooLarge(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.INVALID_ARGUMENT, 413, "too_large"


class UnsupportedMedia(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.INVALID_ARGUMENT, 415, "unsupported_media"


class LimitExceeded(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "limit_exceeded"


class Overloaded(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.RESOURCE_EXHAUSTED, 503, "overloaded"


class Unavailable(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.UNAVAILABLE, 503, "unavailable"


class DeadlineExceeded(LorekeepError):
    code, http_status, default_reason = grpc.StatusCode.DEADLINE_EXCEEDED, 504, "deadline_exceeded"


class Internal(LorekeepError):
    """Anything not foreseen; its message is always the fixed text."""

    def __init__(self) -> None:
        super().__init__(_FIXED_TEXT)


_BY_NAME: dict[str, type[LorekeepError]] = {
    each.__name__: each
    for each in (
        InvalidInput, UnprocessableInput, Unauthenticated, PermissionDenied, NotFound, AlreadyExists, ModelMismatch,
        TooLarge, UnsupportedMedia, LimitExceeded, Overloaded, Unavailable, DeadlineExceeded,
    )
}  # fmt: skip


def to_status(error: LorekeepError) -> Any:
    """The error as a gRPC status with ErrorInfo and, where it has one, RetryInfo."""
    info = error_details_pb2.ErrorInfo(reason=error.reason.upper(), domain=DOMAIN)
    if error.field:
        info.metadata["field"] = error.field
    info.metadata["kind"] = type(error).__name__
    details = [_packed(info)]
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after_seconds * 1000))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    number = code_pb2.Code.Value(error.code.name)
    return rpc_status.to_status(status_pb2.Status(code=number, message=error.message, details=details))


def of_rpc_error(error: grpc.aio.AioRpcError) -> LorekeepError:
    """The error that a callee sent; without ErrorInfo, what its code stands for, with a text that names no host."""
    info, retry = _details(error)
    kind = _BY_NAME.get(info.metadata.get("kind", "")) if info else None
    if info is None or kind is None:
        return _of_code(error.code(), error.details() or "")
    field = info.metadata.get("field", "")
    return kind(error.details() or "", reason=info.reason.lower(), retry_after_seconds=retry, field=field)


def _of_code(code: grpc.StatusCode, text: str) -> LorekeepError:
    """gRPC's own texts hold addresses, so they are replaced."""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded("The request ran out of time. Try again, or ask for less at once.")
    # A callee that stops cancels calls that no handler had taken up.
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return Unavailable("A part of the service is not answering. Try again shortly.", retry_after_seconds=1.0)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return TooLarge("A message was too large for the service. Send less at once.")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Overloaded("A part of the service is busy. Try again shortly.", retry_after_seconds=1.0)
    # gRPC's own word for a message that was on its way when the callee ended the call; what it ended with is lost.
    if code is grpc.StatusCode.INTERNAL and text.startswith(_OF_GRPC_ITSELF):
        return Unavailable("A part of the service ended the call midway. Try again.", reason=CALL_BROKEN)
    return Internal()


def _details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo | None, float | None]:
    info, retry = None, None
    trailing: Any = error.trailing_metadata() or ()
    for key, value in trailing:
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        for detail in status_pb2.Status.FromString(value).details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                hint = error_details_pb2.RetryInfo()
                detail.Unpack(hint)
                retry = hint.retry_delay.ToMilliseconds() / 1000
    return info, retry


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
