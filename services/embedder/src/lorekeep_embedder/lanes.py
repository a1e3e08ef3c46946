"""What waits: interactive work before bulk, and organisations of a lane in turn."""

from collections import OrderedDict
from collections.abc import Iterator

from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import DeadlineExceeded
from lorekeep_embedder import metrics
from lorekeep_embedder.work import Batch, Work


class Lanes:
    """Requests of all callers. Not for threads: it belongs to the event loop."""

    def __init__(self) -> None:
        self._lanes = {lane: _Turns(lane) for lane in (Lane.INTERACTIVE, Lane.BULK)}

    def add(self, work: Work) -> None:
        """Lets a request wait."""
        self._lanes[work.lane].add(work)

    def remove(self, work: Work, reason: str) -> None:
        """Drops what still waits of a request; nothing where nothing does."""
        metrics.DROPPED.labels(reason).inc(work.waiting_texts)
        self._lanes[work.lane].remove(work)

    def next_batch(self, now: float) -> Batch | None:
        """The batch to compute next, None where nothing waits. Drops requests whose deadline has passed."""
        for turns in self._lanes.values():
            self._drop_expired(turns, now)
            batch = turns.next_batch()
            if batch is not None:
                return batch
        return None

    def drop_all(self, error: Exception) -> None:
        """Ends every request that waits with an error."""
        for turns in self._lanes.values():
            for work in turns.works():
                self.remove(work, "ended")
                work.fail(error)

    def _drop_expired(self, turns: "_Turns", now: float) -> None:
        for work in [each for each in turns.works() if each.expires_at is not None and each.expires_at <= now]:
            self.remove(work, "deadline")
            work.fail(DeadlineExceeded("The texts waited longer than the call's deadline. Try again later."))


class _Turns:
    """One lane. The organisation at the front has its turn: a batch, led by its oldest request."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._organisations: OrderedDict[str, list[Work]] = OrderedDict()
        self._gauges = metrics.QUEUE_TEXTS.labels(lane), metrics.QUEUE_TOKENS.labels(lane)
        self._texts, self._tokens = 0, 0

    def works(self) -> list[Work]:
        """All requests, in the order of turns."""
        return [work for works in self._organisations.values() for work in works]

    def add(self, work: Work) -> None:
        self._organisations.setdefault(work.organisation_id, []).append(work)
        self._count(work.waiting_texts, work.waiting_tokens)

    def remove(self, work: Work) -> None:
        works = self._organisations.get(work.organisation_id, [])
        if work not in works:
            return
        self._count(-work.waiting_texts, -work.waiting_tokens)
        works.remove(work)
        if not works:
            del self._organisations[work.organisation_id]

    def next_batch(self) -> Batch | None:
        """A batch led by the organisation whose turn it is; room that it leaves goes to the others' like texts."""
        if not self._organisations:
            return None
        organisation_id, works = next(iter(self._organisations.items()))
        batch = Batch(self._lane, works[0])
        for work in self._filled_from(batch):
            if work.waiting_texts == 0:
                self.remove(work)
        self._count(-len(batch.places), -batch.token_count)
        if organisation_id in self._organisations:
            self._organisations.move_to_end(organisation_id)
        return batch

    def _filled_from(self, batch: Batch) -> Iterator[Work]:
        for work in self.works():
            batch.fill(work)
            yield work
            if batch.full:
                return

    def _count(self, texts: int, tokens: int) -> None:
        self._texts += texts
        self._tokens += tokens
        self._gauges[0].set(self._texts)
        self._gauges[1].set(self._tokens)
