"""The blob store compared with the records, the scrub, and what comes after a removal."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.gateway.suite import Suite

from lorekeep_gateway import callees
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.reconciliation.originals import CORRUPT, MISSING, Originals
from lorekeep_gateway.reconciliation.scrub import Scrub
from lorekeep_gateway.reconciliation.upkeep import Upkeep
from lorekeep_gateway.removal.leftovers import Tombstones

NOTHING = {"staged_bytes": 0, "orphan_blob": 0, "orphan_artefact": 0, "blob_missing": 0}
TWO_DAYS = 2 * 24 * 3600


async def _home(suite: Suite) -> tuple[str, Path]:
    organisation = str((await suite.sql("select id from organisations where name = 'main'"))[0][0])
    return organisation, suite.blobs / "organisations" / organisation


def _put(path: Path, content: bytes = b"x", *, age_seconds: float = TWO_DAYS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age_seconds,) * 2)
    return path


def _blob(home: Path, content: bytes) -> Path:
    name = hashlib.sha256(content).hexdigest()
    return home / "blobs" / name[:2] / name


async def _compared(suite: Suite, **patience: float) -> dict[str, int]:
    originals = Originals(suite.database, Blobs(suite.settings.blobs_url), timedelta(**(patience or {"days": 1})))
    found = await originals.compare()
    return {**NOTHING, **found}


_HALF_AN_UPLOAD = """
import asyncio, sys
from lorekeep_gateway.blobs import Blobs

async def pieces():
    yield b"x" * 3_000_000
    print("begun", flush=True)
    await asyncio.sleep(600)

asyncio.run(Blobs(sys.argv[1]).stage(sys.argv[2], pieces()))
"""


async def test_what_a_killed_upload_left_is_removed_once_nobody_writes_to_it(suite: Suite) -> None:
    organisation, home = await _home(suite)
    command = [sys.executable, "-c", _HALF_AN_UPLOAD, suite.settings.blobs_url, organisation]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as uploading:  # noqa: ASYNC220
        assert uploading.stdout is not None
        assert await asyncio.to_thread(uploading.stdout.readline) == b"begun\n"
        uploading.kill()
    (left,) = (home / "uploads").iterdir()
    assert await _compared(suite) == NOTHING
    assert left.exists()
    os.utime(left, (time.time() - TWO_DAYS,) * 2)
    assert await _compared(suite) == {**NOTHING, "staged_bytes": 1}
    assert not left.exists()


async def test_what_rows_name_stays(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="kept")
    _, home = await _home(suite)
    (version,) = await suite.sql("select id from versions")
    _put(home / "artefacts" / version["id"] / "000000.pb.gz")
    before = suite.files()
    assert await _compared(suite, days=0) == NOTHING
    assert suite.files() == before


async def test_bytes_that_nobody_names_are_removed_when_they_are_a_day_old(suite: Suite) -> None:
    collection = await suite.collection()
    organisation, home = await _home(suite)
    part = _put(home / "uploads" / "part-of-an-upload")
    await suite.sql(
        "insert into uploads (id, organisation_id, collection_id, actor, name, size_bytes, part_bytes, expires_at) "
        "values ('upl', $1, $2, 'key', 'a', 9, 9, now() + interval '1 day')",
        organisation,
        collection["id"],
    )
    path = str(part.relative_to(suite.blobs))
    await suite.sql("insert into upload_parts values ('upl', 1, 1, 'x', $1)", path)
    kept = [part, _put(home / "uploads" / "young", age_seconds=5), _put(_blob(home, b"young"), age_seconds=5)]
    gone = [_put(home / "uploads" / "old"), _put(_blob(home, b"old")), _put(home / "artefacts" / "ver_x" / "0.pb.gz")]
    assert await _compared(suite) == {**NOTHING, "staged_bytes": 1, "orphan_blob": 1, "orphan_artefact": 1}
    assert sorted(suite.files()) == sorted(kept)
    assert not any(each.exists() for each in gone)
    rows = await suite.sql("select detail->>'kind' as kind, actor from audit_logs where event_type = 'sweeper.finding'")
    assert {(row["kind"], row["actor"]) for row in rows} == {
        (kind, "system") for kind in ("staged_bytes", "orphan_blob", "orphan_artefact")
    }
    await suite.sql("update uploads set expires_at = now()")
    assert (await _compared(suite))["staged_bytes"] == 1


async def test_bytes_of_an_organisation_that_is_gone_are_removed(suite: Suite) -> None:
    _put(_blob(suite.blobs / "organisations" / "org_gone", b"left"))
    assert (await _compared(suite))["orphan_blob"] == 1
    assert suite.files() == []


async def test_what_was_pruned_goes_and_what_is_shared_stays(suite: Suite) -> None:
    await suite.collection()
    for text in ("one", "two", "three"):
        await suite.upload(document_id="a", text=text)
    _, home = await _home(suite)
    first, second, third = (row["id"] for row in await suite.sql("select id from versions order by number"))
    for each in (first, second):
        _put(home / "artefacts" / each / "000000.pb.gz")
    await suite.sql("update versions set pruned_at = now() where id = any($1)", [first, second])
    await suite.sql("update versions set artefact_id = $1 where id = $2", first, third)
    assert await _compared(suite, days=0) == {**NOTHING, "orphan_blob": 2, "orphan_artefact": 1}
    left = {each.relative_to(home).parts[1] for each in suite.files() if "artefacts" in each.parts}
    assert left == {first}


async def test_an_original_that_is_gone_is_told_once_and_taken_back_when_it_is_there_again(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a", text="precious")
    await suite.index(collection["id"], "a", "precious")
    _, home = await _home(suite)
    _blob(home, b"precious").unlink()
    assert (await _compared(suite))["blob_missing"] == 1
    assert (await _compared(suite))["blob_missing"] == 0
    path = "/api/v1/collections/demo/documents/a"
    assert (await suite.http.get(path)).json()["warnings"] == [MISSING]
    answer = await suite.http.get(f"{path}/content")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "blob_missing")
    await suite.upload(document_id="b", text="precious")
    assert (await _compared(suite))["blob_missing"] == 0
    assert (await suite.http.get(path)).json()["warnings"] == []


async def test_the_scrub_goes_round_within_its_budget_and_tells_of_damage(suite: Suite) -> None:
    await suite.collection()
    texts = [f"text {number}" for number in range(5)]
    for each in texts:
        await suite.upload(document_id=each.replace(" ", ""), text=each)
    _, home = await _home(suite)
    damaged = _blob(home, texts[3].encode())
    damaged.write_bytes(b"text X")
    scrub = Scrub(suite.database, Blobs(suite.settings.blobs_url), budget_bytes=2 * len(texts[0]))
    runs: list[dict[str, Any]] = [await scrub.run(None)]
    while runs[-1]["place"]["sha256"]:
        runs.append(await scrub.run(runs[-1]))
    assert [each["blobs"] for each in runs] == [2, 2, 1]
    assert sum(each["blob_corrupt"] for each in runs) == 1
    path = "/api/v1/collections/demo/documents/text3"
    assert (await suite.http.get(path)).json()["warnings"] == [CORRUPT]
    rows = await suite.sql("select target from audit_logs where detail->>'kind' = 'blob_corrupt'")
    assert [row["target"] for row in rows] == [damaged.name]
    whole = Scrub(suite.database, Blobs(suite.settings.blobs_url), budget_bytes=10**6)
    assert (await whole.run(runs[-1]))["blob_corrupt"] == 0, "it was told already"
    damaged.write_bytes(texts[3].encode())
    await whole.run(None)
    assert (await suite.http.get(path)).json()["warnings"] == []


async def test_a_blob_larger_than_the_budget_is_read_all_the_same(suite: Suite) -> None:
    await suite.collection()
    for number in range(2):
        await suite.upload(document_id=str(number), text=f"text {number}")
    scrub = Scrub(suite.database, Blobs(suite.settings.blobs_url), budget_bytes=0)
    first = await scrub.run(None)
    assert (first["blobs"], (await scrub.run(first))["blobs"]) == (1, 1)


@asynccontextmanager
async def _tombstones(suite: Suite) -> AsyncIterator[Tombstones]:
    async with callees.opened(suite.settings) as stubs:
        yield Tombstones(suite.database, stubs)


async def test_what_a_late_writer_puts_where_something_was_removed_is_removed_again(suite: Suite) -> None:
    collection = await suite.collection()
    for name in ("a", "b"):
        await suite.upload(document_id=name, text=name)
        await suite.index(collection["id"], name, f"text of {name}")
    organisation, _ = await _home(suite)
    late = list(suite.search.chunks[organisation])
    assert (await suite.http.delete("/api/v1/collections/demo/documents/a")).status_code == 200
    async with _tombstones(suite) as tombstones:
        assert await tombstones.look_again() == 0
        suite.search.chunks[organisation].append(late[0])
        assert await tombstones.look_again() == 1
        assert suite.search.chunks[organisation] == [late[1]]
        assert (await suite.http.delete("/api/v1/collections/demo")).status_code == 200
        assert await suite.rows("tombstones") == 1, "the collection's stands for its documents'"
        suite.search.chunks[organisation] += late
        assert await tombstones.look_again() == 2
        await suite.sql("update tombstones set removed_at = now() - interval '31 days'")
        await tombstones.look_again()
    assert await suite.rows("tombstones") == 0


async def test_a_removal_that_goes_on_for_a_month_is_remembered(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="a")
    await suite.sql("update documents set status = 'deleting'")
    await suite.sql(
        "insert into tombstones (organisation_id, collection_id, document_id, spaces, removed_at) "
        "select organisation_id, collection_id, id, '[]', now() - interval '31 days' from documents"
    )
    async with _tombstones(suite) as tombstones:
        await tombstones.look_again()
    assert await suite.rows("tombstones") == 1


async def test_each_daily_chore_is_done_by_one_and_tells_its_result(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a", text="a")
    await suite.index(collection["id"], "a", "text")
    organisation, home = await _home(suite)
    _put(_blob(home, b"orphan"))
    strange = suite.search.chunks[organisation][0]
    strange.version_id = "ver_strange"
    async with callees.opened(suite.settings) as stubs:
        upkeep = Upkeep(suite.database, Blobs(suite.settings.blobs_url), stubs, scrub_bytes=10**6)
        done = [await chore() for _ in range(2) for chore in upkeep.chores().values()]
    assert done == [True] * 4 + [False] * 4
    results = {row["name"]: row["result"] for row in await suite.sql("select name, result::text from chores")}
    assert '"orphan_versions_removed": 1' in results["reconciliation"]
    assert '"orphan_blob": 1' in results["blob_sweep"]
    assert '"blobs": 1' in results["blob_scrub"]
    assert '"late_chunks": 0' in results["tombstones"]
    assert suite.search.chunks[organisation] == []


async def test_a_collection_is_compared_on_demand(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a", text="a")
    await suite.index(collection["id"], "a", "one", "two")
    await suite.sql("update versions set chunk_count = 3, ready_at = now() - interval '1 hour'")
    answer = await suite.http.post("/api/v1/collections/demo/reconcile")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "documents_checked": 1,
        "versions_missing_chunks": 1,
        "jobs_queued": 1,
        "orphan_versions_removed": 0,
        "chunks_removed": 0,
    }
    assert await suite.rows("jobs where kind = 'rebuild'") == 1
    assert (await suite.http.post("/api/v1/collections/unknown/reconcile")).status_code == 404
