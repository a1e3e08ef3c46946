"""For what receives webhooks: whether a message is from the service, and what it says. It needs no client.

payload = webhooks.verify(secret, request.headers, await request.body())
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, cast

from lorekeep_sdk.errors import SignatureError

_HEADER = "x-lorekeep-signature"


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, tolerance_seconds: float = 300, *, now: float | None = None
) -> dict[str, Any]:
    """The message in a webhook's body, where its signature is right and not older than `tolerance_seconds`.

    `body` is the request's bytes as they came: a body that was decoded and written anew has another signature.
    SignatureError says what is wrong; `now` (Unix time) is for tests.
    """
    signed_at, signatures = _parts(headers)
    expected = hmac.new(secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest().encode()
    if not any(hmac.compare_digest(expected, each.encode("utf-8", "replace")) for each in signatures):
        raise SignatureError("The signature does not fit the body. Check the webhook's secret.")
    if abs((time.time() if now is None else now) - signed_at) > tolerance_seconds:
        raise SignatureError(
            "The message was signed too long ago, or the clocks differ. It may be a repeat of another."
        )
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise SignatureError("The body is no JSON object.")
    return cast(dict[str, Any], payload)


def _parts(headers: Mapping[str, str]) -> tuple[int, list[str]]:
    """The time and the signatures (there may be two while a secret is replaced) of the header `t=...,v1=...`."""
    value = next((each for name, each in headers.items() if name.lower() == _HEADER), None)
    if value is None:
        raise SignatureError("There is no X-Lorekeep-Signature header.")
    pairs = [part.strip().partition("=") for part in value.split(",")]
    times = [each for name, _, each in pairs if name == "t"]
    signatures = [each for name, _, each in pairs if name == "v1"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) < 16) or not signatures:
        raise SignatureError("The X-Lorekeep-Signature header is not of the form t=...,v1=...")
    return int(times[0]), signatures
