"""Uploads in parts: sent in any order, again where need be, completed once, and gone with all their parts."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.suite import Suite, running

from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.staged_uploads import PART_BYTES, forget_uploads

UPLOADS = "/api/v1/collections/demo/uploads"
WHOLE = b"word " * (PART_BYTES // 5 * 2 + 1000)
PARTS = [WHOLE[start : start + PART_BYTES] for start in range(0, len(WHOLE), PART_BYTES)]
SHA256 = hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture
async def wide(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    """A gateway that takes files of at most 20 MiB."""
    async with running(database_url, tmp_path, max_file_size=20 * 1024 * 1024) as started:
        await started.collection(year="integer")
        yield started


async def _begun(suite: Suite, size: int = len(WHOLE), **body: Any) -> str:
    answer = await suite.http.post(UPLOADS, json={"name": "words.txt", "size_bytes": size, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["upload"]["id"])


async def _put(suite: Suite, upload: str, number: int, content: bytes, **headers: str) -> Any:
    return await suite.http.put(f"{UPLOADS}/{upload}/parts/{number}", content=content, headers=headers)


async def _sent(suite: Suite, **body: Any) -> str:
    upload = await _begun(suite, **body)
    for number, part in enumerate(PARTS, start=1):
        assert (await _put(suite, upload, number, part)).status_code == 200
    return upload


def _reason(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["reason"]


async def test_an_upload_tells_its_parts(wide: Suite) -> None:
    answer = await wide.http.post(UPLOADS, json={"name": "a.pdf", "size_bytes": PART_BYTES + 1})
    told = answer.json()["upload"]
    assert answer.status_code == 201
    assert (told["part_bytes"], told["parts_total"], told["parts_received"]) == (8388608, 2, [])
    assert (await wide.http.get(answer.headers["location"])).json()["upload"] == told


async def test_parts_in_any_order_make_the_whole(wide: Suite) -> None:
    upload = await _begun(wide, sha256=SHA256.upper(), document_id="w", metadata={"year": 1})
    for number in (3, 1, 1, 2):
        told = await _put(wide, upload, number, PARTS[number - 1])
    assert told.json()["upload"]["parts_received"] == [1, 2, 3]
    answer = await wide.http.post(f"{UPLOADS}/{upload}/complete")
    assert answer.status_code == 202, answer.text
    shape = {"id": "w", "name": "words.txt", "version": 1, "kind": "file"}
    assert answer.json()["document"].items() >= shape.items()
    content = await wide.http.get("/api/v1/collections/demo/documents/w/content")
    assert hashlib.sha256(content.content).hexdigest() == SHA256
    assert (await wide.http.get("/api/v1/collections/demo/documents/w")).json()["metadata"] == {"year": 1}
    assert len(wide.files()) == 1
    assert await wide.rows("uploads") == await wide.rows("upload_parts") == 0


async def test_completing_again_gives_the_same_answer(wide: Suite) -> None:
    upload = await _sent(wide)
    first = await wide.http.post(f"{UPLOADS}/{upload}/complete", headers={"Idempotency-Key": "a"})
    for headers in ({}, {"Idempotency-Key": "a"}, {"Idempotency-Key": "b"}):
        again = await wide.http.post(f"{UPLOADS}/{upload}/complete", headers=headers)
        assert (again.status_code, again.json()) == (202, first.json())
    assert await wide.rows("versions") == 1
    assert (await wide.http.get(f"{UPLOADS}/{upload}")).status_code == 404


async def test_completing_at_once_makes_one_document(wide: Suite) -> None:
    upload = await _sent(wide)
    answers = await asyncio.gather(*(wide.http.post(f"{UPLOADS}/{upload}/complete") for _ in range(4)))
    taken = [each for each in answers if each.status_code == 202]
    assert {each.status_code for each in answers} <= {202, 404, 409}
    assert len({each.json()["document"]["id"] for each in taken}) == 1
    assert await wide.rows("documents") == 1
    assert len(wide.files()) == 1


async def test_what_is_there_already_is_skipped(wide: Suite) -> None:
    for unchanged in (False, True):
        upload = await _sent(wide, document_id="w")
        answer = (await wide.http.post(f"{UPLOADS}/{upload}/complete")).json()
        assert ("unchanged" in answer) is unchanged
    assert await wide.rows("versions") == len(wide.files()) == 1


async def test_a_wrong_part_is_refused_and_the_earlier_stays(wide: Suite) -> None:
    upload = await _begun(wide)
    await _put(wide, upload, 1, PARTS[0])
    for content in (b"", b"short", PARTS[0] + b"x"):
        answer = await _put(wide, upload, 1, content)
        assert _reason(answer) in ((422, "wrong_part_size"), (413, "too_large"))
    wrong = await _put(wide, upload, 1, PARTS[0], **{"X-Content-SHA256": "0" * 64})
    assert _reason(wrong) == (422, "checksum_mismatch")
    right = await _put(wide, upload, 1, PARTS[0], **{"X-Content-SHA256": hashlib.sha256(PARTS[0]).hexdigest()})
    assert right.json()["upload"]["parts_received"] == [1]
    for number in (0, 4, 2**31):
        assert (await _put(wide, upload, number, b"x")).status_code == 422
    assert len(wide.files()) == 1


async def test_a_broken_connection_leaves_no_part(wide: Suite) -> None:
    upload = await _begun(wide)
    _, writer = await asyncio.open_connection("127.0.0.1", int(wide.base_url.rpartition(":")[2]))
    head = f"PUT {UPLOADS}/{upload}/parts/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {wide.key}\r\n"
    writer.write(f"{head}Content-Length: {PART_BYTES}\r\n\r\n".encode() + PARTS[0][: PART_BYTES // 2])
    await writer.drain()
    async with asyncio.timeout(20):
        while not wide.files():  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.05)
        writer.close()
        while wide.files():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await wide.http.get(f"{UPLOADS}/{upload}")).json()["upload"]["parts_received"] == []


async def test_what_is_missing_is_named(wide: Suite) -> None:
    upload = await _begun(wide)
    await _put(wide, upload, 2, PARTS[1])
    answer = await wide.http.post(f"{UPLOADS}/{upload}/complete")
    assert _reason(answer) == (422, "parts_missing")
    assert "1, 3" in answer.json()["error"]["message"]


async def test_another_hash_than_announced_keeps_the_upload_open(wide: Suite) -> None:
    upload = await _begun(wide, sha256=SHA256)
    for number, part in enumerate([PARTS[0], b"other" + PARTS[1][5:], PARTS[2]], start=1):
        await _put(wide, upload, number, part)
    assert _reason(await wide.http.post(f"{UPLOADS}/{upload}/complete")) == (422, "checksum_mismatch")
    await _put(wide, upload, 2, PARTS[1])
    assert (await wide.http.post(f"{UPLOADS}/{upload}/complete")).status_code == 202
    assert len(wide.files()) == 1


async def test_a_part_that_rotted_is_told_and_not_taken(wide: Suite) -> None:
    upload = await _sent(wide)
    with wide.files()[0].open("r+b") as part:
        part.write(b"rot")
    assert _reason(await wide.http.post(f"{UPLOADS}/{upload}/complete")) == (422, "checksum_mismatch")
    assert await wide.rows("documents") == 0


async def test_the_type_is_told_from_the_whole(wide: Suite) -> None:
    content = b"MZ\x90\x00" + os.urandom(1000)
    upload = await _begun(wide, size=len(content))
    await _put(wide, upload, 1, content)
    assert _reason(await wide.http.post(f"{UPLOADS}/{upload}/complete")) == (415, "unsupported_media")


async def test_an_upload_that_is_given_up_is_gone(wide: Suite) -> None:
    upload = await _begun(wide)
    await _put(wide, upload, 1, PARTS[0])
    assert (await wide.http.delete(f"{UPLOADS}/{upload}")).json() == {"id": upload, "status": "deleted"}
    assert wide.files() == []
    calls = [wide.http.get, wide.http.delete]
    assert {(await call(f"{UPLOADS}/{upload}")).status_code for call in calls} == {404}
    assert (await _put(wide, upload, 1, PARTS[0])).status_code == 404
    assert (await wide.http.post(f"{UPLOADS}/{upload}/complete")).status_code == 404
    assert wide.files() == []


async def test_the_janitor_forgets_what_expired(wide: Suite) -> None:
    kept, expired = await _begun(wide), await _begun(wide)
    for upload in (kept, expired):
        await _put(wide, upload, 1, PARTS[0])
    await wide.sql("update uploads set expires_at = now() where id = $1", expired)
    assert (await wide.http.get(f"{UPLOADS}/{expired}")).status_code == 404
    blobs = Blobs(wide.settings.blobs_url)
    await asyncio.gather(*(forget_uploads(wide.database, blobs) for _ in range(4)))  # processes do so at once
    assert await forget_uploads(wide.database, blobs) == 0
    (left,) = wide.files()
    assert kept in str(left)
    assert [each["id"] for each in await wide.sql("select id from uploads")] == [kept]


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"size_bytes": 20 * 1024 * 1024 + 1}, 413, "size_bytes"),
    ({"size_bytes": 0}, 422, "size_bytes"),
    ({"name": ""}, 422, "name"),
    ({"sha256": "xyz"}, 422, "sha256"),
    ({"document_id": "a/../b"}, 422, "document_id"),
    ({"metadata": {"year": "x"}}, 422, "metadata.year"),
]


async def test_what_could_never_be_completed_is_not_begun(wide: Suite, subtests: pytest.Subtests) -> None:
    for changed, status, field in BAD:
        with subtests.test(field):
            answer = await wide.http.post(UPLOADS, json={"name": "a", "size_bytes": 1, **changed})
            assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)
    assert await wide.rows("uploads") == 0


async def test_an_organisation_has_a_hundred_open(wide: Suite) -> None:
    answers = await asyncio.gather(
        *(wide.http.post(UPLOADS, json={"name": str(number), "size_bytes": 1}) for number in range(104))
    )
    assert sorted(each.status_code for each in answers) == [201] * 100 + [429] * 4
    refused = [each for each in answers if each.status_code == 429]
    assert {_reason(each) for each in refused} == {(429, "too_many_uploads")}
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)


async def test_parts_keep_how_the_whole_is_to_be_read(wide: Suite) -> None:
    upload = await _sent(wide, strategy="ocr_only", languages=["de"])
    assert (await wide.http.post(f"{UPLOADS}/{upload}/complete")).status_code == 202
    (row,) = await wide.sql("select reading::text from versions")
    assert row["reading"] == '{"strategy": "ocr_only", "languages": ["de"]}'
    refused = await wide.http.post(UPLOADS, json={"name": "a", "size_bytes": 1, "strategy": "slow"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "strategy")
