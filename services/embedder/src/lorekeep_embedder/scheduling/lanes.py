"""What waits: interactive work before bulk, with a little left for bulk, and organisations of a lane by turns."""

from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import DeadlineExceeded
from lorekeep_embedder import metrics
from lorekeep_embedder.scheduling.turns import Turns
from lorekeep_embedder.scheduling.work import Batch, Work

# Bulk work that has waited so long gets one batch after so many interactive ones, so that it does not wait for ever.
_BULK_WAIT_SECONDS, _INTERACTIVE_BATCHES = 1.0, 15


class Lanes:
    """Requests of all callers. Not for threads: it belongs to the event loop."""

    def __init__(self) -> None:
        self._lanes = {lane: Turns(lane) for lane in (Lane.INTERACTIVE, Lane.BULK)}
        self._bulk_since = 0.0
        self._interactive_batches = 0

    @property
    def texts(self) -> int:
        """Texts that wait."""
        return sum(turns.texts for turns in self._lanes.values())

    def seconds(self, lane: Lane) -> float:
        """See `admission.Queue`."""
        return self._lanes[lane].seconds + self._ahead_of(lane)

    def done_seconds(self, lane: Lane, organisation_id: str, own_seconds: float) -> float:
        """See `admission.Queue`."""
        return self._lanes[lane].done_seconds(organisation_id, own_seconds) + self._ahead_of(lane)

    def add(self, work: Work, now: float) -> None:
        """Lets a request wait."""
        if work.lane is Lane.BULK and self._lanes[Lane.BULK].texts == 0:
            self._bulk_since = now
        work.added_at = now
        self._lanes[work.lane].add(work)

    def remove(self, work: Work, reason: str) -> None:
        """Drops what still waits of a request; nothing where nothing does."""
        texts = self._lanes[work.lane].remove(work)
        if texts:
            metrics.DROPPED.labels(reason).inc(texts)

    def expire(self, work: Work) -> None:
        """Ends a request whose deadline has passed."""
        self.remove(work, "deadline")
        work.fail(DeadlineExceeded("The texts waited too long to be done by the call's deadline. Try again later."))

    def next_batch(self, now: float) -> Batch | None:
        """The batch to compute next, None where nothing waits. What nobody waits for any more is in none."""
        for lane in self._order(now):
            turns = self._lanes[lane]
            while (lead := turns.lead()) is not None:
                if lead.expired(now) or self._in_vain(lead, now):
                    self.expire(lead)
                    continue
                self._count(lane, now)
                return turns.batch(lead)
        return None

    def drop_all(self, error: Exception) -> None:
        """Ends every request that waits with an error."""
        for turns in self._lanes.values():
            for work in list(turns.works()):
                self.remove(work, "ended")
                work.fail(error)

    def _in_vain(self, lead: Work, now: float) -> bool:
        """Whether a request would be done too late, and others wait for the time that it would take. One that waits
        alone is tried all the same: what a token takes is only ever learnt by trying.
        """
        return lead.hopeless(now) and self._lanes[lead.lane].texts > lead.waiting_texts

    def _ahead_of(self, lane: Lane) -> float:
        return self._lanes[Lane.INTERACTIVE].seconds if lane is Lane.BULK else 0.0

    def _order(self, now: float) -> tuple[Lane, Lane]:
        waited = self._lanes[Lane.BULK].texts > 0 and now - self._bulk_since >= _BULK_WAIT_SECONDS
        if waited and self._interactive_batches >= _INTERACTIVE_BATCHES:
            return Lane.BULK, Lane.INTERACTIVE
        return Lane.INTERACTIVE, Lane.BULK

    def _count(self, lane: Lane, now: float) -> None:
        if lane is Lane.BULK:
            self._bulk_since, self._interactive_batches = now, 0
        else:
            self._interactive_batches += 1
