"""What a blob store's troubles are called, in words that name no path and no host."""

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError as ObjectStoreError
from prometheus_client import Counter

from lorekeep_chassis import errors, logs

_LOG = logs.logger(__name__)
_CORRUPT = Counter("blobs_corrupt_total", "Originals that were read and no longer fitted their hash.")
_STORAGE_FULL = ("os error 28", "os error 122")
_RETRY_SECONDS = 10.0


@contextmanager
def translated() -> Iterator[None]:
    """A store that does not take what is written, as an error of the house; its own words may name paths and hosts."""
    try:
        yield
    except (ObjectStoreError, OSError) as error:
        raise _refusal(str(error)) from error


def _refusal(told: str) -> errors.Unavailable:
    if any(each in told for each in _STORAGE_FULL):
        message = "There is no room left to keep this. Nothing of it was kept; try again when there is."
        return errors.Unavailable(message, reason="storage_full", retry_after_seconds=_RETRY_SECONDS)
    message = "The blob store is not answering. Nothing was kept; try again shortly."
    return errors.Unavailable(message, reason="blobs_unavailable", retry_after_seconds=_RETRY_SECONDS)


def artefact_missing(path: str = "", cause: BaseException | None = None) -> errors.NotFound:
    """What was read of a document is gone or damaged; `path` and `cause` are for the log alone."""
    _LOG.error("an artefact cannot be read", extra={"lorekeep": {"path": path, "error": repr(cause)}})
    return errors.NotFound("What was read of the document is gone. Upload it again.", reason="artefact_missing")


def blob_corrupt(organisation_id: str, sha256: str) -> errors.NotFound:
    """An original's bytes are not what they were."""
    _CORRUPT.inc()
    _LOG.error("a blob does not fit its hash", extra={"lorekeep": {"organisation": organisation_id, "sha256": sha256}})
    return errors.NotFound("The document's bytes are damaged. Upload it again.", reason="blob_corrupt")
