"""One lane: what waits in it, and whose turn it is."""

from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace
from itertools import count

from lorekeep_chassis.calls import Lane
from lorekeep_embedder import metrics
from lorekeep_embedder.backends.seam import Backend
from lorekeep_embedder.scheduling.work import Batch, Work

# Further back, texts that fill a batch better keep those in front waiting; nearer, batches are less full. In simulated
# overload with requests of 8 unlike texts, 99.5, 99 and 98 % of the work was for answered requests with 1, 2 and 4.
_BATCHES_BEHIND = 2


class _Share:
    """What one organisation has waiting, the oldest first, and the time on sessions that it was given so far.

    One that comes anew begins where those are that had least, so that nobody saves time up by staying away.
    """

    def __init__(self, used: float) -> None:
        self.used = used
        self.waiting_seconds = 0.0
        self.works: dict[Work, None] = {}


class Turns:
    """The organisation that was given least time has its turn: a batch led by the longest text of its oldest request.

    Room in that batch goes to like texts of anybody who came before it or soon after, and each pays for its own: texts
    of requests far behind would make all of them late together. A step costs the same however much waits:
    organisations lie in a heap, whose entries only ever lag behind, and texts by their length.
    """

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.texts, self.tokens, self.seconds = 0, 0, 0.0
        self._tokens_ever = 0
        self._shares: dict[str, _Share] = {}
        self._order: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._least = 0.0
        self._by_length: dict[Backend, dict[int, dict[Work, None]]] = {}
        self._gauges = metrics.QUEUE_TEXTS.labels(lane), metrics.QUEUE_TOKENS.labels(lane)

    def works(self) -> Iterator[Work]:
        """All requests that wait."""
        return (work for share in self._shares.values() for work in share.works)

    def done_seconds(self, organisation_id: str, own_seconds: float) -> float:
        """About how long it takes until what an organisation adds now is done: what it has waiting itself, and as much
        of each other's; never more than there is.
        """
        share = self._shares.get(organisation_id)
        own = own_seconds + (share.waiting_seconds if share else 0.0)
        organisations = len(self._shares) + (share is None)
        return min(self.seconds + own_seconds, own * organisations)

    def add(self, work: Work) -> None:
        """Lets a request wait."""
        share = self._shares.get(work.organisation_id)
        if share is None:
            share = self._shares[work.organisation_id] = _Share(self._least)
            heappush(self._order, (share.used, next(self._numbers), work.organisation_id))
        share.works[work] = None
        self._tokens_ever += work.waiting_tokens
        work.ends_at_token = self._tokens_ever
        by_length = self._by_length.setdefault(work.backend, {})
        for length in work.lengths:
            by_length.setdefault(length, {})[work] = None
        self._count(work, share, work.waiting_texts, work.waiting_tokens)

    def remove(self, work: Work) -> int:
        """Lets a request wait no more; how many of its texts did."""
        texts, tokens = work.waiting_texts, work.waiting_tokens
        if texts == 0:
            return 0
        for length in work.lengths:
            self._strike(work, length)
        work.forget()
        share = self._shares[work.organisation_id]
        del share.works[work]
        self._count(work, share, -texts, -tokens)
        return texts

    def lead(self) -> Work | None:
        """The oldest request of the organisation whose turn it is; None where nothing waits."""
        while self._order:
            used, _, organisation_id = self._order[0]
            share = self._shares[organisation_id]
            if share.works:
                if share.used <= used:
                    self._least = used
                    return next(iter(share.works))
                heapreplace(self._order, (share.used, next(self._numbers), organisation_id))
            elif share.used <= used or self.texts == 0:
                heappop(self._order)
                del self._shares[organisation_id]
            else:
                heapreplace(self._order, (share.used, next(self._numbers), organisation_id))
        self._least = 0.0
        return None

    def batch(self, lead: Work) -> Batch:
        """Takes a batch out of what waits, led by that request."""
        batch = Batch(self.lane, lead)
        by_length = self._by_length[lead.backend]
        horizon = lead.ends_at_token + _BATCHES_BEHIND * lead.throughput.batch.tokens
        for length in range(batch.longest, 0, -1):
            if not batch.fits(length):
                break
            while batch.fits(length) and (works := by_length.get(length)):
                work = lead if lead in works else next(iter(works))
                if work.ends_at_token - work.token_count > horizon:
                    break
                self._take(batch, work, length)
        return batch

    def _take(self, batch: Batch, work: Work, length: int) -> None:
        position, more = work.take(length)
        batch.add(work, position)
        share = self._shares[work.organisation_id]
        share.used += work.throughput.seconds_for(self.lane, length)
        if not more:
            self._strike(work, length)
        if work.waiting_texts == 0:
            del share.works[work]
        self._count(work, share, -1, -length)

    def _strike(self, work: Work, length: int) -> None:
        """Takes a request out of the texts of that length."""
        by_length = self._by_length[work.backend]
        del by_length[length][work]
        if not by_length[length]:
            del by_length[length]
        if not by_length:
            # A model that is put away later must not be held here.
            del self._by_length[work.backend]

    def _count(self, work: Work, share: _Share, texts: int, tokens: int) -> None:
        seconds = work.throughput.seconds_for(self.lane, tokens)
        self.texts += texts
        self.tokens += tokens
        # What a token takes is learnt on the way, so sums are put right where nothing waits.
        self.seconds = max(0.0, self.seconds + seconds) if self.texts else 0.0
        share.waiting_seconds = max(0.0, share.waiting_seconds + seconds) if share.works else 0.0
        self._gauges[0].set(self.texts)
        self._gauges[1].set(self.tokens)
