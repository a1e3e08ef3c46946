"""Whatever is done to an upload in parts, in whatever order: it tells what it has, and completes to the whole alone.

The parts here are small, as rows of the table allow them to be, so that very many orders are walked.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.gateway.suite import Suite, running

UPLOADS = "/api/v1/collections/demo/uploads"
PART_BYTES = 7
_CALM = settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 4)),
        st.tuples(st.just("wrong"), st.integers(0, 6)),
        st.tuples(st.just("other"), st.integers(1, 4)),
        st.tuples(st.just("complete"), st.just(0)),
    ),
    max_size=14,
)


@pytest.fixture
async def small(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    async with running(database_url, tmp_path) as started:
        await started.collection()
        yield started


class Model:
    """What an upload should have: the bytes of each part, and its answer once it is completed."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        starts = range(0, len(whole), PART_BYTES)
        self.parts = {number: whole[start : start + PART_BYTES] for number, start in enumerate(starts, start=1)}
        self.sent: dict[int, bytes] = {}
        self.answer: Any = None

    def complete(self) -> bool:
        return self.sent == self.parts


async def _walk(suite: Suite, model: Model, steps: list[tuple[str, int]]) -> None:
    told = {"name": "w.txt", "size_bytes": len(model.whole), "sha256": hashlib.sha256(model.whole).hexdigest()}
    begun = await suite.http.post(UPLOADS, json=told)
    upload = begun.json()["upload"]["id"]
    await suite.sql("update uploads set part_bytes = $1 where id = $2", PART_BYTES, upload)
    for step, number in steps:
        await _step(suite, model, f"{UPLOADS}/{upload}", step, number)
        if model.answer is None:
            shown = (await suite.http.get(f"{UPLOADS}/{upload}")).json()["upload"]
            assert shown["parts_received"] == sorted(model.sent)
            assert shown["parts_total"] == len(model.parts)


async def _step(suite: Suite, model: Model, upload: str, step: str, number: int) -> None:
    if step == "complete":
        await _complete(suite, model, upload)
        return
    content = model.parts.get(number, b"x")
    if step == "wrong":
        content += b"x"
    if step == "other":
        content = b"\xff" * len(content)
    answer = await suite.http.put(f"{upload}/parts/{number}", content=content)
    if model.answer is not None:
        assert answer.status_code == 404 or number == 0
    elif number in model.parts and step != "wrong":
        assert answer.status_code == 200, answer.text
        model.sent[number] = content
    else:
        assert answer.status_code == 422, answer.text


async def _complete(suite: Suite, model: Model, upload: str) -> None:
    answer = await suite.http.post(f"{upload}/complete")
    if model.answer is not None:
        assert (answer.status_code, answer.json()) == (202, model.answer)
    elif model.complete():
        assert answer.status_code == 202, answer.text
        model.answer = answer.json()
        document = model.answer["document"]["id"]
        content = await suite.http.get(f"/api/v1/collections/demo/documents/{document}/content")
        assert content.content == model.whole
    else:
        missing = set(model.parts) - set(model.sent)
        reason = answer.json()["error"]["reason"]
        assert (answer.status_code, reason) == (422, "parts_missing" if missing else "checksum_mismatch")


async def test_any_order_of_steps_is_told_truly(small: Suite) -> None:
    loop = asyncio.get_running_loop()
    completed = 0

    @_CALM
    @given(
        whole=st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=4 * PART_BYTES),
        steps=_STEPS,
        ends=st.booleans(),
    )
    def walk(whole: str, steps: list[tuple[str, int]], ends: bool) -> None:
        nonlocal completed
        model = Model(whole.encode())
        if ends:
            steps = [*steps, *(("send", number) for number in model.parts), ("complete", 0), ("complete", 0)]
        asyncio.run_coroutine_threadsafe(_walk(small, model, steps), loop).result(timeout=60)
        assert not ends or model.answer is not None
        completed += model.answer is not None
        left = [each for each in small.files() if "/uploads/" in str(each)]
        asyncio.run_coroutine_threadsafe(_clear(small), loop).result(timeout=60)
        assert len(left) == (0 if model.answer is not None else len(model.sent))

    await asyncio.to_thread(walk)
    assert completed > 0


async def _clear(suite: Suite) -> None:
    for row in await suite.sql("select id from uploads"):
        await suite.http.delete(f"{UPLOADS}/{row['id']}")
