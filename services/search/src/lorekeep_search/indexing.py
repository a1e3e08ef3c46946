"""Writing to the index and looking after what is in it."""

import asyncio

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors, tracing
from lorekeep_search import filters, measures, points, spaces, tallies, tenancy
from lorekeep_search.store import INDEXES, NEVER, VectorStore
from lorekeep_search.tenancy import Condition, Within, matches

# Chunks written at once: few enough that a query behind them waits some 10 ms, many enough to be quick.
_SLICE_CHUNKS = 32
_MOST_STAMPS = 100
_MOST_LISTED = 200
_MOST_TALLIED = 1000


class Indexer:
    """Prepares, writes, stamps, removes, lists and counts, each within the running call's organisation."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    async def prepare(self, request: search_pb2.PrepareRequest) -> None:
        """Makes a space and the indexes of its fields ready."""
        tenancy.of_call()
        await self._store.prepare(spaces.checked(request.space), INDEXES | filters.indexes(request.fields))

    async def upsert(self, request: search_pb2.UpsertRequest) -> int:
        """Writes a batch in slices and counts it."""
        within, space = tenancy.of_call(), spaces.checked(request.space)
        points.checked(request)
        with tracing.span("index.upsert") as span:
            span.set_attribute("lorekeep.chunk_count", len(request.chunks))
            for begin in range(0, len(request.chunks), _SLICE_CHUNKS):
                written = points.of_request(within.organisation_id, request, begin, begin + _SLICE_CHUNKS)
                await self._store.upsert(space, within, written)
                # Finding the words took a few milliseconds; whoever waits for the event loop goes first now.
                await asyncio.sleep(0)
        measures.CHUNKS_WRITTEN.inc(len(request.chunks))
        return len(request.chunks)

    async def stamp(self, request: search_pb2.StampRequest) -> None:
        """Stamps the epochs of versions."""
        space = spaces.checked(request.space)
        within = tenancy.of_call(_of_collection(request.collection_id))
        if not 1 <= len(request.stamps) <= _MOST_STAMPS:
            raise errors.InvalidInput(f"A request holds 1 to {_MOST_STAMPS} stamps.", field="stamps")
        wanted = [(_stamped(each), _epochs(each)) for each in request.stamps]
        with tracing.span("index.stamp"):
            for conditions, epochs in wanted:
                await self._store.stamp(space, within.but(*conditions), epochs)

    async def remove(self, scope: search_pb2.Scope) -> int:
        """Removes the chunks of a scope and counts them."""
        return await self._store.remove(spaces.checked(scope.space), _scoped(scope))

    async def count(self, scope: search_pb2.Scope) -> int:
        """Counts the chunks of a scope."""
        return await self._store.count(spaces.checked(scope.space), _scoped(scope))

    async def tallied(self, request: search_pb2.TallyRequest) -> list[search_pb2.VersionTally]:
        """Counts by version, a page of versions."""
        limit = request.limit or _MOST_TALLIED
        if limit > _MOST_TALLIED:
            raise errors.InvalidInput(f"The limit is 1 to {_MOST_TALLIED}, not {limit}.", field="limit")
        if request.scope.version_id:
            raise errors.InvalidInput("A tally is of all versions in its scope.", field="scope.version_id")
        page = tallies.Tallies(request.after_version_id, limit)
        space, within = spaces.checked(request.scope.space), _scoped(request.scope)
        with tracing.span("index.tally"):
            async for portion in self._store.scanned(space, within, tallies.KEYS):
                for payload in portion:
                    page.add(payload)
        return page.page

    async def listed(self, request: search_pb2.ListChunksRequest) -> list[search_pb2.IndexedChunk]:
        """The chunks of a version from an ordinal on."""
        space, scope = spaces.checked(request.scope.space), request.scope
        if not 1 <= request.limit <= _MOST_LISTED:
            raise errors.InvalidInput(f"The limit is 1 to {_MOST_LISTED}, not {request.limit}.", field="limit")
        wanted = _of_version(scope.version_id), {"key": "ordinal", "range": {"gte": request.from_ordinal}}
        payloads = await self._store.listed(space, _scoped(scope).but(*wanted), request.limit)
        payloads.sort(key=lambda each: (each["ordinal"], each["chunk_id"]))
        return [points.to_chunk(each) for each in payloads]


def _scoped(scope: search_pb2.Scope) -> Within:
    conditions = [_of_collection(scope.collection_id)]
    if scope.document_id:
        conditions.append(matches("document_id", scope.document_id))
    if scope.version_id:
        conditions.append(matches("version_id", scope.version_id))
    return tenancy.of_call(*conditions)


def _of_collection(collection_id: str) -> Condition:
    if not collection_id:
        raise errors.InvalidInput("The request needs a collection.", field="collection_id")
    return matches("collection_id", collection_id)


def _of_version(version_id: str) -> Condition:
    if not version_id:
        raise errors.InvalidInput("The request needs a version.", field="version_id")
    return matches("version_id", version_id)


def _stamped(stamp: search_pb2.VersionStamp) -> tuple[Condition, ...]:
    """Which chunks a stamp is for."""
    version = _of_version(stamp.version_id)
    return (version, matches("from_epoch", NEVER)) if stamp.unseen_only else (version,)


def _epochs(stamp: search_pb2.VersionStamp) -> dict[str, int]:
    epochs = {key: getattr(stamp, key) for key in ("from_epoch", "to_epoch") if stamp.HasField(key)}
    if not epochs or max(epochs.values()) > NEVER:
        raise errors.InvalidInput(
            f"A stamp needs from_epoch or to_epoch, at most {NEVER}, which stands for never.", field="stamps"
        )
    return epochs
