"""The Python client of lorekeep's public HTTP API, and the `lorekeep` command.

    with Lorekeep("http://127.0.0.1:8000", key="kb_...") as client:
        job = client.documents.add("handbook", "handbook.pdf")["job"]
        client.jobs.wait(job["id"])
        for hit in client.search("handbook", "who approves travel")["hits"]:
            print(hit["page"], hit["text"])

`AsyncLorekeep` has the same methods as coroutines. Names are imported on first use, so that the command starts fast.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lorekeep_sdk.blocking import Lorekeep
    from lorekeep_sdk.client import AsyncLorekeep
    from lorekeep_sdk.errors import (
        Conflict,
        DeadlineExceeded,
        FileChanged,
        Internal,
        InvalidInput,
        LimitExceeded,
        LorekeepApiError,
        LorekeepError,
        NoAnswer,
        NotFound,
        PermissionDenied,
        SignatureError,
        TooLarge,
        Unauthenticated,
        Unavailable,
        UnsupportedMedia,
        WaitTimeout,
    )
    from lorekeep_sdk.transport import Patience

__version__ = "0.1.0"
__all__ = [
    "AsyncLorekeep",
    "Conflict",
    "DeadlineExceeded",
    "FileChanged",
    "Internal",
    "InvalidInput",
    "LimitExceeded",
    "Lorekeep",
    "LorekeepApiError",
    "LorekeepError",
    "NoAnswer",
    "NotFound",
    "Patience",
    "PermissionDenied",
    "SignatureError",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMedia",
    "WaitTimeout",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = {"Lorekeep": "blocking", "AsyncLorekeep": "client", "Patience": "transport"}.get(name, "errors")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
