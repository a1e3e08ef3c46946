"""The header that makes a creating call safe to repeat."""

from typing import Annotated

from fastapi import Header

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A repeat of the request under the same key gets the same answer for 24 hours.",
        max_length=255,
    ),
]
