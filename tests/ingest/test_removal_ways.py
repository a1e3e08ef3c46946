"""Whatever is uploaded and deleted in whatever order, in the end the stores hold what is alive and nothing else."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.test_removal import away_after

from lorekeep_chassis import errors
from lorekeep_gateway.reconciliation import Reconciliation, Report
from lorekeep_gateway.reconciliation.originals import Originals
from lorekeep_gateway.removal import Removal, sweep

NAMES = st.sampled_from(["one", "two", "three"])
TEXTS = st.sampled_from([book(1), book(3, "long"), "the same. "])
SECONDS = 60
ENDED = "('succeeded', 'failed', 'cancelled')"


class Ways(RuleBasedStateMachine):
    """Acts on a bench whose event loop runs in another thread."""

    bench: Bench
    loop: asyncio.AbstractEventLoop

    @initialize()
    def begin(self) -> None:
        self.alive: dict[str, tuple[str, str]] = {}  # name to internal id and text
        self.collection = self.wait(self.bench.collection())

    def wait(self, work: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(SECONDS)

    def removal(self) -> Removal:
        return Removal(self.bench.database, self.bench.blobs, self.bench.callees, "org_a")

    @rule(name=NAMES, text=TEXTS)
    def upload(self, name: str, text: str) -> None:
        known = self.alive.get(name, ("", ""))[0]
        made = self.wait(self.bench.document(self.collection, text, of=known))
        self.alive[name] = (made["document_id"], text)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        document_id = self.alive.pop(name, ("doc_unknown", ""))[0]
        if document_id == "doc_unknown":
            return
        self.wait(self.removal().document(self.collection, document_id))

    @rule()
    def delete_all(self) -> None:
        self.wait(self.removal().collection(self.collection))
        self.alive.clear()
        self.collection = self.wait(self.bench.collection())

    @rule()
    def work(self) -> None:
        self.wait(self._work())

    @rule()
    def work_is_cut_short(self) -> None:
        self.wait(self._work(cut_short=True))

    @rule(calls=st.integers(0, 3))
    def search_goes_away(self, calls: int) -> None:
        services = self.bench.services.search
        services.remove.calls = 0
        services.remove.hook = away_after(calls)

    @rule()
    def search_comes_back(self) -> None:
        self.bench.services.search.remove.hook = lambda number: None

    @rule()
    def tidy(self) -> None:
        self.wait(self._swept())

    @rule()
    def compare(self) -> None:
        async def compared() -> None:
            try:
                await Reconciliation(self.bench.database, self.bench.callees).collection("org_a", self.collection)
            except errors.Overloaded:
                assert self.bench.services.search.remove.calls

        self.wait(compared())

    def teardown(self) -> None:
        if hasattr(self, "collection"):
            self.search_comes_back()
            self.wait(self._settled())
            self.wait(self.removal().collection(self.collection))
            assert self.wait(self._kept()) == (set(), set(), set())

    async def _work(self, *, cut_short: bool = False) -> None:
        """Until no job is left, or only until one has begun to write."""
        written = self.bench.services.search.upsert.calls

        async def done() -> bool:
            if cut_short and self.bench.services.search.upsert.calls > written:
                return True
            return not await self.bench.sql(f"select from jobs where status not in {ENDED}")

        async with self.bench.working(drain_seconds=0.01 if cut_short else 5):
            await until(done)

    async def _swept(self) -> int:
        await self.bench.ingest(sweep_after_seconds=0).janitor.round()
        await self.bench.sql("update jobs set lease_until = null where status = 'cancelled'")
        return await sweep(self.bench.database, self.bench.blobs, self.bench.callees, older_than_seconds=0)

    async def _settled(self) -> None:
        await self._work()
        while await self._swept():
            pass
        await self._swept()
        documents = dict(self.alive.values())
        rows = await self.bench.sql("select id, version_id, status from documents")
        assert {row["id"] for row in rows} == set(documents)
        assert await self.bench.visible(self.collection) == {
            row["version_id"]: plain(documents[row["id"]]) for row in rows
        }
        points, blobs, artefacts = await self._kept()
        versions = await self.bench.sql("select id, blob_sha256 from versions")
        assert points == {row["version_id"] for row in rows}
        assert blobs == {row["blob_sha256"] for row in versions}
        assert artefacts <= {row["id"] for row in versions}
        report = await Reconciliation(self.bench.database, self.bench.callees).collection("org_a", self.collection)
        assert report == Report(documents_checked=len(rows))
        assert not any((await Originals(self.bench.database, self.bench.blobs).compare()).values())

    async def _kept(self) -> tuple[set[str], set[str], set[str]]:
        """Versions in the index, originals, and versions with artefacts."""
        files = [each async for portion in self.bench.blobs.listed("org_a") for each in portion]
        points = {each.chunk.version_id for each in self.bench.services.search.points.values()}
        blobs = {each.name for each in files if each.kind == "blobs"}
        return points, blobs, {each.place.split("/")[1] for each in files if each.kind == "artefacts"}


async def test_only_what_is_alive_is_left_whatever_was_done(bench: Bench) -> None:
    bound: Any = type("BoundWays", (Ways,), {"bench": bench, "loop": asyncio.get_running_loop()})
    modest = settings(
        max_examples=15, stateful_step_count=12, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    await asyncio.to_thread(run_state_machine_as_test, bound, settings=modest)
