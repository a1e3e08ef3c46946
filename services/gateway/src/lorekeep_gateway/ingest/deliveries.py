"""Deliveries to webhooks: signed when they are sent, sent until they are taken or given up, one at a time to each.

At least once: a sender that dies leaves a lease behind, and when that runs out another sends the same delivery under
the same id. What comes of an attempt is written by the holder of the lease alone.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanKind

from lorekeep_chassis import calls, errors, logs, tracing
from lorekeep_gateway import organisations
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.outbound.fetching import Outbound
from lorekeep_gateway.store.database import Database, Session
from lorekeep_gateway.webhooks import signature

_LOG = logs.logger(__name__)
_ACTOR = "deliveries"
_GONE = 410
_KEEP_SECONDS = 30 * 24 * 3600.0
_MOST_DOUBLINGS = 16

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Pace:
    """How fast and how often deliveries are sent. A lease outlasts a post and the writing of what came of it."""

    at_once: int = 16
    at_once_each: int = 4  # of one organisation, over all senders
    most_attempts: int = 9
    most_failures_in_row: int = 10
    post_seconds: float = 10.0
    lease_seconds: float = 30.0
    first_pause_seconds: float = 5.0
    longest_pause_seconds: float = 3600.0
    poll_seconds: float = 1.0

    def pause_after(self, attempt: int, asked_seconds: float | None) -> float:
        """Seconds before the next attempt: doubled each time, a fifth more or less by chance, or as long as asked."""
        doubled = self.first_pause_seconds * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        jittered = doubled * (0.8 + 0.4 * random.random())  # noqa: S311 - jitter is no secret
        return min(max(jittered, asked_seconds or 0.0), self.longest_pause_seconds)


@dataclass(frozen=True)
class Attempt:
    """What came of sending once: the status that was answered, or why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after_seconds: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the webhook took it."""
        return self.error is None


class Deliveries:
    """Sends what waits. `turned` is when its loop last came round."""

    def __init__(self, database: Database, outbound: Outbound, pace: Pace) -> None:
        self._database = database
        self._outbound = outbound
        self._pace = pace
        self._sending: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()
        self._draining = False
        self.turned = time.monotonic()

    async def run(self) -> None:
        """Sends until it is drained."""
        while not self._draining:
            self.turned = time.monotonic()
            if not await self._took_some():
                await self._pause()

    async def drain(self, seconds: float) -> None:
        """Begins nothing more and leaves `seconds` to what is being sent; the rest is sent again by others."""
        self._draining = True
        async with self._claiming:
            sending = set(self._sending)
        if not sending:
            return
        _, late = await asyncio.wait(sending, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def tidy(self) -> None:
        """Forgets what ended long ago, and measures what waits."""
        async with self._database.session() as session:
            await session("forget_deliveries", keep_seconds=_KEEP_SECONDS)
            figures = await session("delivery_figures")
        measures.DELIVERIES_OLDEST_SECONDS.set(figures["oldest_seconds"])

    async def _took_some(self) -> bool:
        async with self._claiming:
            free = self._pace.at_once - len(self._sending)
            if free <= 0 or self._draining:
                return False
            try:
                claimed = await self._claimed(free)
            except errors.Unavailable:
                _LOG.warning("deliveries cannot be reached")
                return False
            for row in claimed:
                task = asyncio.create_task(self._send(row))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
        return bool(claimed)

    async def _claimed(self, limit: int) -> list[Row]:
        async with self._database.transaction() as session:
            rows = await session(
                "claim_deliveries",
                limit=limit,
                most_each=self._pace.at_once_each,
                lease_seconds=self._pace.lease_seconds,
            )
            for row in rows:
                if row["id"] is None:
                    await session("unclaim_webhook", **_hold(row))
        return [row for row in rows if row["id"] is not None]

    async def _pause(self) -> None:
        """Until something was sent, after which there may be more for its webhook, or it is time to look again."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._pace.poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(self._pace.poll_seconds)

    async def _send(self, row: Row) -> None:
        """Sends once and writes down what came of it. Neither URL nor secret is told to a trace or a log."""
        facts = {"webhook.id": row["webhook_id"], "delivery.id": row["id"], "delivery.attempt": row["attempt"]}
        context = calls.CallContext(row["organisation_id"], "", row["id"], calls.Lane.BULK)
        with calls.calling_as(context), tracing.span("webhook.deliver", kind=SpanKind.PRODUCER, attributes=facts):
            attempt = await self._attempted(row)
            try:
                with calls.deadline(self._pace.lease_seconds - self._pace.post_seconds):
                    await patiently(lambda: self._settled(row, attempt), self._pace.poll_seconds)
            except errors.LorekeepError as error:
                _LOG.warning("a delivery is sent again: its end cannot be written", extra=_told(row, error.reason))
            except Exception:  # likewise  # noqa: BLE001
                _LOG.exception("the end of a delivery cannot be written", extra=_told(row, "internal"))

    async def _attempted(self, row: Row) -> Attempt:
        if not row["active"]:
            return Attempt(error="webhook_inactive")
        body = body_of(row)
        headers = {
            "Content-Type": "application/json",
            "X-Lorekeep-Signature": signature(row["secret"], body, int(time.time())),
            "X-Lorekeep-Delivery": row["id"],
            "X-Lorekeep-Event": row["event"],
        }
        try:
            answer = await self._outbound.post(row["url"], body, headers, self._pace.post_seconds)
        except errors.LorekeepError as error:
            return Attempt(error=error.reason)
        except Exception:  # whatever it is, it is this delivery's alone  # noqa: BLE001
            _LOG.exception("a delivery met an unforeseen error", extra=_told(row, "internal"))
            return Attempt(error="internal")
        if 200 <= answer.status < 300:
            return Attempt(answer.status)
        return Attempt(answer.status, f"status_{answer.status}", answer.retry_after_seconds)

    async def _settled(self, row: Row, attempt: Attempt) -> None:
        """Writes down what came of an attempt, unless the delivery is another's by now or gone."""
        status = self._status_after(row, attempt)
        async with self._database.transaction() as session:
            owner = {"organisation_id": row["organisation_id"], "webhook_id": row["webhook_id"]}
            webhook = await session("delivery_webhook", **owner)
            settled = webhook and await session(
                "settle_delivery",
                organisation_id=row["organisation_id"],
                id=row["id"],
                lease_until=row["lease_until"],
                status=status,
                response_status=attempt.status,
                error=attempt.error,
                pause_seconds=self._pace.pause_after(row["attempt"], attempt.retry_after_seconds),
            )
            if not settled:
                return
            await self._released(session, row, webhook, status, attempt)
        measures.DELIVERIES.labels({"waiting": "retried"}.get(status, status)).inc()
        if not attempt.delivered:
            _LOG.info("a delivery was not taken", extra=_told(row, attempt.error or ""))

    async def _released(self, session: Session, row: Row, webhook: Row, status: str, attempt: Attempt) -> None:
        """Frees the webhook for its next delivery; one that is gone, or takes nothing any more, is told no more."""
        failures = _failures(webhook["failed_in_row"], status, attempt)
        active = webhook["active"] and attempt.status != _GONE and failures < self._pace.most_failures_in_row
        await session("release_webhook", **_hold(row), failed_in_row=failures, active=active)
        if webhook["active"] and not active:
            _LOG.warning("a webhook was switched off", extra=_told(row, attempt.error or ""))
            await organisations.audit(
                session, row["organisation_id"], "webhook.deactivated", row["webhook_id"], actor=_ACTOR
            )

    def _status_after(self, row: Row, attempt: Attempt) -> str:
        if attempt.delivered:
            return "delivered"
        final = attempt.status == _GONE or attempt.error == "webhook_inactive"
        return "failed" if final or row["attempt"] >= self._pace.most_attempts else "waiting"


def body_of(row: Row) -> bytes:
    """The bytes that are signed and sent; the same for each attempt."""
    told = {
        "id": row["id"],
        "event": row["event"],
        "created_at": row["created_at"].isoformat(),
        "data": row["payload"],
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def _failures(before: int, status: str, attempt: Attempt) -> int:
    """Deliveries given up in a row; one that was never sent does not count."""
    if status == "delivered":
        return 0
    return before + (status == "failed" and attempt.error != "webhook_inactive")


def _hold(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("organisation_id", "webhook_id", "lease_until")}


def _told(row: Row, reason: str) -> dict[str, Any]:
    return {"lorekeep": {"webhook": row["webhook_id"], "delivery": row["id"], "reason": reason}}
