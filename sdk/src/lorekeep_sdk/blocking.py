"""The synchronous client: each method is the asynchronous one, run to its end on a loop in a thread of its own.

So there is one implementation, it works inside a running loop (a notebook) too, and threads may share a client.
"""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

from lorekeep_sdk.client import AsyncLorekeep
from lorekeep_sdk.collection_calls import AsyncCollections
from lorekeep_sdk.document_calls import AsyncDocuments
from lorekeep_sdk.job_calls import AsyncJobs
from lorekeep_sdk.preview_calls import AsyncPreviews
from lorekeep_sdk.source_calls import AsyncQnas, AsyncTexts, AsyncWebsites
from lorekeep_sdk.transport import IMPATIENT, Patience
from lorekeep_sdk.upload_calls import AsyncUploads
from lorekeep_sdk.webhook_calls import AsyncWebhooks

Inner = TypeVar("Inner")
P = ParamSpec("P")
R = TypeVar("R")


class _Loop:
    """An event loop in a daemon thread, which ends with `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lorekeep-sdk", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """The result of the work; the work is cancelled where the caller is interrupted."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Blocking(Generic[Inner]):
    """An asynchronous object and the loop that runs its methods."""

    def __init__(self, inner: Inner, loop: _Loop) -> None:
        self._inner = inner
        self._loop = loop


def _blocking(
    method: Callable[Concatenate[Inner, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[_Blocking[Inner], P], R]:
    @functools.wraps(method)
    def call(self: _Blocking[Inner], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(method(self._inner, *args, **kwargs))

    return call


def _iterating(
    method: Callable[Concatenate[Inner, P], AsyncIterator[R]],
) -> Callable[Concatenate[_Blocking[Inner], P], Iterator[R]]:
    @functools.wraps(method)
    def call(self: _Blocking[Inner], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        entries = method(self._inner, *args, **kwargs)
        end = object()
        try:
            while (entry := self._loop.run(_next(entries, end))) is not end:
                yield cast(R, entry)
        finally:
            self._loop.run(_closed(entries))

    return call


async def _next(entries: AsyncIterator[R], end: object) -> R | object:
    return await anext(entries, end)


async def _closed(entries: AsyncIterator[Any]) -> None:
    close = getattr(entries, "aclose", None)
    if close is not None:
        await close()


class Collections(_Blocking[AsyncCollections]):
    """See `AsyncCollections`."""

    create = _blocking(AsyncCollections.create)
    get = _blocking(AsyncCollections.get)
    list = _iterating(AsyncCollections.list)
    update = _blocking(AsyncCollections.update)
    delete = _blocking(AsyncCollections.delete)
    reindex = _blocking(AsyncCollections.reindex)
    reconcile = _blocking(AsyncCollections.reconcile)


class Documents(_Blocking[AsyncDocuments]):
    """See `AsyncDocuments`."""

    add = _blocking(AsyncDocuments.add)
    add_text = _blocking(AsyncDocuments.add_text)
    add_batch = _blocking(AsyncDocuments.add_batch)
    list = _iterating(AsyncDocuments.list)
    get = _blocking(AsyncDocuments.get)
    delete = _blocking(AsyncDocuments.delete)
    chunks = _iterating(AsyncDocuments.chunks)
    pages = _iterating(AsyncDocuments.pages)
    content = _blocking(AsyncDocuments.content)
    versions = _blocking(AsyncDocuments.versions)
    restore = _blocking(AsyncDocuments.restore)


class Previews(_Blocking[AsyncPreviews]):
    """See `AsyncPreviews`."""

    file = _blocking(AsyncPreviews.file)
    text = _blocking(AsyncPreviews.text)
    document = _blocking(AsyncPreviews.document)


class Uploads(_Blocking[AsyncUploads]):
    """See `AsyncUploads`."""

    send = _blocking(AsyncUploads.send)
    create = _blocking(AsyncUploads.create)
    get = _blocking(AsyncUploads.get)
    send_part = _blocking(AsyncUploads.send_part)
    complete = _blocking(AsyncUploads.complete)
    delete = _blocking(AsyncUploads.delete)


class Texts(_Blocking[AsyncTexts]):
    """See `AsyncTexts`."""

    add = _blocking(AsyncTexts.add)
    list = _iterating(AsyncTexts.list)
    get = _blocking(AsyncTexts.get)
    change = _blocking(AsyncTexts.change)
    delete = _blocking(AsyncTexts.delete)


class Qnas(_Blocking[AsyncQnas]):
    """See `AsyncQnas`."""

    add = _blocking(AsyncQnas.add)
    list = _iterating(AsyncQnas.list)
    get = _blocking(AsyncQnas.get)
    change = _blocking(AsyncQnas.change)
    delete = _blocking(AsyncQnas.delete)


class Websites(_Blocking[AsyncWebsites]):
    """See `AsyncWebsites`."""

    add = _blocking(AsyncWebsites.add)
    list = _iterating(AsyncWebsites.list)
    get = _blocking(AsyncWebsites.get)
    change = _blocking(AsyncWebsites.change)
    delete = _blocking(AsyncWebsites.delete)
    refresh = _blocking(AsyncWebsites.refresh)


class Jobs(_Blocking[AsyncJobs]):
    """See `AsyncJobs`."""

    list = _iterating(AsyncJobs.list)
    get = _blocking(AsyncJobs.get)
    events = _iterating(AsyncJobs.events)
    wait = _blocking(AsyncJobs.wait)
    cancel = _blocking(AsyncJobs.cancel)
    retry = _blocking(AsyncJobs.retry)
    retry_all = _blocking(AsyncJobs.retry_all)
    queues = _blocking(AsyncJobs.queues)
    workers = _blocking(AsyncJobs.workers)


class Webhooks(_Blocking[AsyncWebhooks]):
    """See `AsyncWebhooks`."""

    create = _blocking(AsyncWebhooks.create)
    list = _iterating(AsyncWebhooks.list)
    get = _blocking(AsyncWebhooks.get)
    change = _blocking(AsyncWebhooks.change)
    delete = _blocking(AsyncWebhooks.delete)
    rotate = _blocking(AsyncWebhooks.rotate)
    deliveries = _iterating(AsyncWebhooks.deliveries)
    replay = _blocking(AsyncWebhooks.replay)


class Lorekeep(_Blocking[AsyncLorekeep]):
    """The synchronous client; use it with `with`, or call `close`. Arguments are those of `AsyncLorekeep`."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        deadline_seconds: float = 30.0,
        traceparent: Callable[[], str | None] = lambda: None,
        patience: Patience = IMPATIENT,
    ) -> None:
        inner = AsyncLorekeep(url, key, deadline_seconds=deadline_seconds, traceparent=traceparent, patience=patience)
        super().__init__(inner, _Loop())
        self.collections = Collections(inner.collections, self._loop)
        self.documents = Documents(inner.documents, self._loop)
        self.previews = Previews(inner.previews, self._loop)
        self.uploads = Uploads(inner.uploads, self._loop)
        self.texts = Texts(inner.texts, self._loop)
        self.qnas = Qnas(inner.qnas, self._loop)
        self.websites = Websites(inner.websites, self._loop)
        self.jobs = Jobs(inner.jobs, self._loop)
        self.webhooks = Webhooks(inner.webhooks, self._loop)

    search = _blocking(AsyncLorekeep.search)
    health = _blocking(AsyncLorekeep.health)
    alive = _blocking(AsyncLorekeep.alive)

    def close(self) -> None:
        """Closes all connections and ends the thread."""
        self._loop.run(self._inner.close())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
