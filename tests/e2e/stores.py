"""What a suite's stores hold, looked at from behind: rows, points of the index, files of the blob store."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from lorekeep.search.v1 import search_pb2
from lorekeep.search.v1.search_pb2_grpc import SearchServiceStub
from lorekeep_chassis import calls, channels
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.state import State
from tests.e2e.suite import Suite

Answer = TypeVar("Answer")
_SPACES = """
select c.organisation_id, g.model, g.fingerprint, g.dimensions, g.distance
from collections c join generations g on g.id = c.generation_id where c.id = $1
"""


class Stores:
    """The stores of one suite."""

    def __init__(self, suite: Suite) -> None:
        self._home = Home(suite.home)
        self._spaces: dict[str, dict[str, Any]] = {}

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What a statement finds."""

        async def found() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(State.read(self._home.state_file).database_url, timeout=10)
            try:
                return [dict(row) for row in await connection.fetch(statement, *values, timeout=10)]
            finally:
                await connection.close()

        return asyncio.run(found())

    def count(self, statement: str, *values: object) -> int:
        """The one number that a statement finds."""
        return int(next(iter(self.rows(statement, *values)[0].values())))

    def files(self) -> set[str]:
        """What the blob store holds, as paths below it."""
        root = self._home.data / "blobs"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def points(self, collection_id: str, document_id: str = "", version_id: str = "") -> int:
        """Chunks in the index, visible or not. Also of a collection that is gone, where this knew it before."""
        request = search_pb2.CountRequest(scope=self._scope(collection_id, document_id, version_id))
        answer: Any = self._called(collection_id, lambda stub: stub.Count(request))
        return int(answer.chunk_count)

    def lose(self, collection_id: str, document_id: str = "", version_id: str = "") -> int:
        """Takes chunks out of the index, behind everybody's back; gives how many."""
        request = search_pb2.RemoveRequest(scope=self._scope(collection_id, document_id, version_id))
        answer: Any = self._called(collection_id, lambda stub: stub.Remove(request))
        return int(answer.chunk_count)

    def _scope(self, collection_id: str, document_id: str, version_id: str) -> search_pb2.Scope:
        row = self._spaces.get(collection_id) or self.rows(_SPACES, collection_id)[0]
        self._spaces[collection_id] = row
        space = {name: row[name] for name in ("model", "fingerprint", "dimensions", "distance")}
        return search_pb2.Scope(
            space=search_pb2.IndexSpace(**space),
            collection_id=collection_id,
            document_id=document_id,
            version_id=version_id,
        )

    def _called(self, collection_id: str, call: Callable[[Any], Awaitable[Answer]]) -> Answer:
        organisation_id = self._spaces[collection_id]["organisation_id"]
        context = calls.CallContext(organisation_id, collection_id, "stores", calls.Lane.BULK)

        async def answered() -> Answer:
            token = self._home.tokens(["search"])["search"]
            port = State.read(self._home.state_file).ports["search.grpc"]
            channel = channels.open_channel(f"127.0.0.1:{port}", token)
            try:
                with calls.calling_as(context), calls.deadline(30):
                    return await call(SearchServiceStub(channel))
            finally:
                await channel.close(None)

        return asyncio.run(answered())
