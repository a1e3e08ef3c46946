"""One tree of errors: what the service answered, or that it gave no answer.

LorekeepError
+-- NoAnswer               nothing answered before the deadline (refused, reset, timed out)
+-- WaitTimeout            a job was not finished within the time given to `jobs.wait`
+-- FileChanged            a file's size changed while it was being sent
+-- SignatureError         a webhook's message is not from the service, or is too old
+-- LorekeepApiError       the service answered with an error
    +-- InvalidInput       400, 422
    +-- Unauthenticated    401
    +-- PermissionDenied   403
    +-- NotFound           404
    +-- Conflict           409   already_exists, model_mismatch, an idempotency key used for other content
    +-- TooLarge           413
    +-- UnsupportedMedia   415
    +-- LimitExceeded      429   the caller's own rate, quota or bound
    +-- Internal           500 and whatever is not named here
    +-- Unavailable        502, 503
    +-- DeadlineExceeded   504
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class LorekeepError(Exception):
    """Whatever a call can raise, apart from wrong use of Python."""


class NoAnswer(LorekeepError):
    """Nothing answered before the deadline. A call that creates something may have been carried out or not."""


class WaitTimeout(LorekeepError):
    """The job is still under way; it goes on without the waiting caller."""


class FileChanged(LorekeepError):
    """The file's size changed while it was being sent."""


class SignatureError(LorekeepError):
    """A webhook's message does not carry a right and recent signature: do not act on it."""


class LorekeepApiError(LorekeepError):
    """An error that the service answered with.

    `status` is the HTTP status, `reason` a stable lower-case word, `message` says what was wrong and what to do,
    `trace_id` finds the request in logs and traces ("" where unknown), `retry_after` is in seconds (None where the
    service gave no hint). `repeated` is true where an earlier attempt of the same call may have been carried out with
    its answer lost on the way.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        trace_id: str = "",
        retry_after: float | None = None,
        repeated: bool = False,
    ) -> None:
        super().__init__(f"{message} ({reason}, HTTP {status}{f', trace {trace_id}' if trace_id else ''})")
        self.status = status
        self.reason = reason
        self.message = message
        self.trace_id = trace_id
        self.retry_after = retry_after
        self.repeated = repeated


class InvalidInput(LorekeepApiError):
    """400, 422: the request breaks a rule; the message names it."""


class Unauthenticated(LorekeepApiError):
    """401: no key, or not a valid one."""


class PermissionDenied(LorekeepApiError):
    """403: the key may not do this."""


class NotFound(LorekeepApiError):
    """404: no such thing, or not for this key."""


class Conflict(LorekeepApiError):
    """409: it exists already, or contradicts what exists."""


class TooLarge(LorekeepApiError):
    """413: over the service's bound on sizes."""


class UnsupportedMedia(LorekeepApiError):
    """415: a kind of file that cannot be read."""


class LimitExceeded(LorekeepApiError):
    """429: the caller's own rate, quota or bound; `retry_after` says when to come back."""


class Internal(LorekeepApiError):
    """500: a fault of the service; `trace_id` is for its operator."""


class Unavailable(LorekeepApiError):
    """502, 503: saturated or not reachable for now."""


class DeadlineExceeded(LorekeepApiError):
    """504: the service ran out of time."""


_BY_STATUS: dict[int, type[LorekeepApiError]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: UnsupportedMedia,
    422: InvalidInput,
    429: LimitExceeded,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}


def of_answer(status: int, headers: Mapping[str, str], body: bytes, *, repeated: bool = False) -> LorekeepApiError:
    """The error in an answer. One that does not come from lorekeep (a proxy's page) keeps its status, not its text."""
    said = _error_object(body)
    kind = _BY_STATUS.get(status, InvalidInput if 400 <= status < 500 else Internal)
    return kind(
        status,
        str(said.get("reason") or f"http_{status}"),
        str(said.get("message") or f"The address answered HTTP {status} without saying why."),
        trace_id=str(said.get("trace_id") or _trace_id(headers.get("traceparent", ""))),
        retry_after=retry_after_seconds(headers.get("retry-after", "")),
        repeated=repeated,
    )


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """A Retry-After header (seconds, or an HTTP date) as seconds from now; None where it says nothing."""
    text = value.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())


def _error_object(body: bytes) -> dict[str, object]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    said = parsed.get("error") if isinstance(parsed, dict) else None
    return said if isinstance(said, dict) else {}


def _trace_id(traceparent: str) -> str:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""
