"""Deliveries to receivers that take them, fail, hang or go away; by senders that live and senders that die."""

import asyncio
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from tests.gateway.office import PAYLOAD, Office, office, until
from tests.gateway.receivers import Request, hang, receiving, reply, replying

from lorekeep_gateway.ingest.deliveries import Deliveries, Pace
from lorekeep_gateway.webhooks import new_secret, signature

__all__ = ["office"]

DOC = Path(__file__).resolve().parents[2] / "docs/webhooks.md"


def _verified() -> Callable[..., bool]:
    """The recipe, as the documentation gives it."""
    (recipe,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.S)
    assert len([line for line in recipe.splitlines() if line.strip()]) <= 10
    names: dict[str, Any] = {}
    exec(recipe, names)
    verified: Callable[..., bool] = names["verified"]
    return verified


async def test_what_arrives_is_verified_by_the_recipe_of_the_documentation(office: Office) -> None:
    async with receiving(replying(204)) as receiver, office.sending():
        webhook = await office.webhook(receiver.url("/hook"))
        (delivery,) = await office.owe(webhook)
        (row,) = await office.ended(delivery)
    (request,) = receiver.requests
    (secret,) = (each["secret"] for each in await office.sql("select secret from webhooks"))
    told = request.headers["x-lorekeep-signature"]
    assert _verified()(secret, told, request.body)
    assert request.line == "POST /hook HTTP/1.1"
    assert (request.headers["x-lorekeep-delivery"], request.headers["x-lorekeep-event"]) == (delivery, "job.failed")
    body = json.loads(request.body)
    assert (body["id"], body["event"], body["data"]) == (delivery, "job.failed", PAYLOAD)
    assert body["created_at"] == row["created_at"].isoformat()
    assert json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() == request.body
    assert (row["status"], row["attempt"], row["response_status"], row["error"]) == ("delivered", 1, 204, None)
    assert (await office.sql("select sending_until from webhooks"))[0]["sending_until"] is None


def test_the_recipe_refuses_what_was_changed_or_is_old() -> None:
    verified, secret, body, now = _verified(), new_secret(), b'{"id":"dlv_1"}', int(time.time())
    told = signature(secret, body, now)
    assert verified(secret, told, body)
    assert not verified(new_secret(), told, body)
    assert not verified(secret, told, body + b" ")
    assert not verified(secret, told.replace(f"t={now}", f"t={now + 1}"), body)
    assert not verified(secret, signature(secret, body, now - 301), body)
    assert not any(verified(secret, each, body) for each in ("", "t=,v1=", "t=x,v1=y", told.partition(",")[0], "v1=a"))


async def test_a_target_that_hangs_delays_nobody_else(office: Office) -> None:
    """The healthy one gets all of its deliveries while the other holds one sender and no more."""
    async with receiving(hang) as hanging, receiving(replying()) as healthy, office.sending(Pace(poll_seconds=0.02)):
        stuck = await office.owe(await office.webhook(hanging.url()), 50)
        await until(lambda: _connected(hanging))
        sent = await office.owe(await office.webhook(healthy.url()), 50)
        rows = await office.ended(*sent)
        assert {row["status"] for row in rows} == {"delivered"}
        assert len(healthy.requests) == 50
        assert hanging.connections == 1
        assert {(await office.row(each))["status"] for each in stuck} == {"waiting"}


async def test_an_organisation_whose_targets_all_hang_delays_no_other(office: Office) -> None:
    async with receiving(hang) as hanging, receiving(replying()) as healthy, office.sending(Pace(poll_seconds=0.02)):
        for _ in range(20):
            await office.owe(await office.webhook(hanging.url()), 5)
        await until(lambda: _connected(hanging, 4))
        rows = await office.ended(*await office.owe(await office.webhook(healthy.url(), "other"), 20))
        assert {row["status"] for row in rows} == {"delivered"}
        assert (len(healthy.requests), hanging.connections) == (20, 4)


async def test_a_webhook_gets_one_at_a_time_from_all_senders(office: Office) -> None:
    inside: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        path = request.line.split()[1]
        inside[path] += 1
        most[path] = max(most[path], inside[path])
        await asyncio.sleep(0.03)
        inside[path] -= 1
        await reply(writer)

    async with receiving(slow) as receiver, office.sending(), office.sending(), office.sending():
        hooks = [await office.webhook(receiver.url(f"/{number}")) for number in range(3)]
        ids = [each for hook in hooks for each in await office.owe(hook, 8)]
        rows = await office.ended(*ids)
    assert Counter(request.headers["x-lorekeep-delivery"] for request in receiver.requests) == Counter(ids)
    assert {row["attempt"] for row in rows} == {1}
    assert most == {"/0": 1, "/1": 1, "/2": 1}


async def test_no_more_are_sent_at_once_than_allowed(office: Office) -> None:
    async with receiving(hang) as receiver, office.sending(Pace(at_once=2, poll_seconds=0.02)) as sender:
        for _ in range(5):
            await office.owe(await office.webhook(receiver.url()))
        await until(lambda: _connected(receiver, 2))
        before = sender.turned
        await until(lambda: _turned(sender, before))
        assert receiver.connections == 2


async def test_a_dead_senders_delivery_is_sent_again_under_its_id(office: Office) -> None:
    webhook_answers = asyncio.Event()

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if webhook_answers.is_set():
            await reply(writer)
        else:
            await hang(request, writer)

    async with receiving(answer) as receiver:
        (delivery,) = await office.owe(await office.webhook(receiver.url()))
        async with office.sending():
            await until(lambda: _connected(receiver))
        left = await office.row(delivery)
        assert (left["status"], left["attempt"]) == ("waiting", 1)
        webhook_answers.set()
        async with office.sending() as other:
            turned = other.turned
            await until(lambda: _turned(other, turned))
            assert receiver.connections == 1, "a lease that runs is nobody else's"
            await office.sql("update webhooks set sending_until = now()")
            (row,) = await office.ended(delivery)
    assert (row["status"], row["attempt"]) == ("delivered", 2)
    assert [each.headers["x-lorekeep-delivery"] for each in receiver.requests] == [delivery, delivery]
    assert receiver.requests[0].body == receiver.requests[1].body


async def test_a_late_sender_writes_nothing_over_what_another_wrote(office: Office) -> None:
    answered = asyncio.Event()

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if len(receiver.requests) > 1:
            return await reply(writer, 500)
        await answered.wait()
        return await reply(writer, 200)

    patient = Pace(first_pause_seconds=3000, poll_seconds=0.02, post_seconds=20, lease_seconds=60)
    async with receiving(answer) as receiver, office.sending(patient) as late:
        (delivery,) = await office.owe(await office.webhook(receiver.url()))
        await until(lambda: _connected(receiver))
        late_tasks = set(late._sending)
        await office.sql("update webhooks set sending_until = now()")
        before = await until(lambda: office.failed_once(delivery))
        answered.set()
        await asyncio.wait(late_tasks)
        assert dict(await office.row(delivery)) == dict(before)
    assert (before["status"], before["attempt"], len(receiver.requests)) == ("waiting", 2, 2)


async def test_it_is_tried_again_until_it_is_taken(office: Office) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await reply(writer, 500 if len(receiver.requests) <= 3 else 200)

    before = _count("retried"), _count("delivered")
    async with receiving(answer) as receiver, office.sending():
        (delivery,) = await office.owe(await office.webhook(receiver.url()))
        (row,) = await office.ended(delivery)
    assert (row["status"], row["attempt"], row["response_status"], row["error"]) == ("delivered", 4, 200, None)
    assert (_count("retried") - before[0], _count("delivered") - before[1]) == (3, 1)


async def test_after_eight_retries_it_is_given_up_and_may_be_replayed(office: Office) -> None:
    async with receiving(replying(503)) as receiver, office.sending():
        webhook = await office.webhook(receiver.url())
        (delivery,) = await office.owe(webhook)
        (row,) = await office.ended(delivery)
        assert (row["status"], row["attempt"], row["error"]) == ("failed", 9, "status_503")
        assert len(receiver.requests) == 9
        async with office.database.session() as session:
            mine = {"organisation_id": row["organisation_id"], "webhook_id": webhook}
            assert await session("delivery_replay", **mine, id=delivery)
        (row,) = await office.ended(delivery)
        assert (row["attempt"], len(receiver.requests)) == (9, 18)
    assert {each.headers["x-lorekeep-delivery"] for each in receiver.requests} == {delivery}


async def test_a_target_that_is_gone_is_told_no_more(office: Office) -> None:
    async with receiving(replying(410)) as receiver, office.sending():
        webhook = await office.webhook(receiver.url())
        ids = await office.owe(webhook, 3)
        rows = await office.ended(*ids)
    assert sorted(row["error"] for row in rows) == ["status_410", "webhook_inactive", "webhook_inactive"]
    assert {row["status"] for row in rows} == {"failed"}
    assert len(receiver.requests) == 1
    assert await _switched_off(office) == [webhook]


async def test_ten_given_up_in_a_row_switch_it_off(office: Office) -> None:
    answers = [500] * 9 + [200] + [500] * 10
    once = Pace(most_attempts=1, poll_seconds=0.02)

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await reply(writer, answers[len(receiver.requests) - 1])

    async with receiving(answer) as receiver, office.sending(once):
        webhook = await office.webhook(receiver.url())
        for number in range(len(answers)):
            assert await _switched_off(office) == [], number
            await office.ended(*await office.owe(webhook))
    assert await _switched_off(office) == [webhook]
    assert len(receiver.requests) == 20


async def test_what_is_refused_never_reaches_an_inner_address(office: Office) -> None:
    async with receiving(replying(), "127.0.0.2") as inner, office.sending(Pace(most_attempts=1, poll_seconds=0.02)):
        (row,) = await office.ended(*await office.owe(await office.webhook(inner.url())))
    assert (row["status"], row["error"], row["response_status"]) == ("failed", "url_refused", None)
    assert inner.connections == 0


def test_pauses_double_up_to_an_hour_and_heed_who_asks_for_more() -> None:
    pace = Pace()
    for attempt, seconds in ((1, 5), (2, 10), (3, 20), (8, 640)):
        pauses = [pace.pause_after(attempt, None) for _ in range(200)]
        assert 0.8 * seconds <= min(pauses) < max(pauses) <= 1.2 * seconds
    assert pace.pause_after(1, 120.0) == 120.0
    assert pace.pause_after(4, 1.0) >= 32
    assert pace.pause_after(1, 10**9) == pace.pause_after(60, None) == 3600


async def test_what_is_being_sent_gets_the_time_of_the_drain(office: Office) -> None:
    asked = asyncio.Event()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(0.2)
        await reply(writer)

    async with receiving(slow) as receiver:
        first, second = await office.owe(await office.webhook(receiver.url()), 2)
        sender = office.sender()
        loop = asyncio.create_task(sender.run())
        await asyncio.wait_for(asked.wait(), 30)
        await sender.drain(30)
        await asyncio.wait_for(loop, 30)
        states = sorted([(await office.row(each))["status"] for each in (first, second)])
    assert (states, receiver.connections) == (["delivered", "waiting"], 1)


async def test_late_deliveries_are_measured(office: Office) -> None:
    (late,) = await office.owe(await office.webhook("http://127.0.0.1:1/"), 1)
    await office.sql("update webhook_deliveries set next_at = now() - interval '90 s' where id = $1", late)
    await office.sender().tidy()
    assert 90 <= (REGISTRY.get_sample_value("webhook_deliveries_oldest_seconds") or 0) < 150


async def test_neither_logs_nor_traces_hold_secret_or_url(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    spans = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with receiving(replying(410)) as receiver, office.sending():
        await office.ended(*await office.owe(await office.webhook(receiver.url("/?token=hidden")), 2))
    (secret,) = (each["secret"] for each in await office.sql("select secret from webhooks"))
    told = [str(vars(record)) for record in caplog.records if record.name.startswith("lorekeep")]
    told += [each.to_json() for each in spans.get_finished_spans()]
    assert any("a webhook was switched off" in each for each in told)
    assert any('"name": "webhook.deliver"' in each for each in told)
    assert not any(secret in each or "hidden" in each for each in told)
    assert secret not in caplog.text


async def _connected(receiver: Any, count: int = 1) -> bool:
    return len(receiver.requests) >= count


async def _turned(sender: Deliveries, since: float) -> bool:
    """Whether its loop came round at least twice."""
    return sender.turned > since + 0.1


async def _switched_off(office: Office) -> list[str]:
    audited = await office.sql("select target from audit_logs where event_type = 'webhook.deactivated'")
    inactive = await office.sql("select id from webhooks where not active")
    assert [row[0] for row in audited] == [row[0] for row in inactive]
    return [row[0] for row in inactive]


def _count(outcome: str) -> float:
    return REGISTRY.get_sample_value("webhook_deliveries_total", {"outcome": outcome}) or 0.0
