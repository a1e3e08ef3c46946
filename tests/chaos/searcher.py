"""Searches and listings that run all the while, each judged as soon as it is answered."""

import asyncio
import time
from collections import Counter
from random import Random
from typing import Any

import httpx

from tests.chaos.judge import Passage, Promise, Sighting, Story, Tally, judge_owner, judge_sighting
from tests.chaos.script import COLLECTION
from tests.chaos.world import World

_SECONDS = 20.0
_MOST = 100
# A part that was struck this long ago is up again, or should be.
_OUTAGE_SECONDS = 60.0
_COMMON = ("which lamp was repaired in spring", "ledger counted before dawn", "bridge changed hands", "passage edition")
_REFUSALS = (503, 504)


class Searcher:
    """Asks about one owner's documents. `outcomes` counts answers; `last_kill` is when something was struck last."""

    def __init__(self, world: World, owner: str, stories: list[Story], tally: Tally, chance: Random) -> None:
        self._http = world.http(owner, _SECONDS)
        self._owner, self._tally, self._chance = owner, tally, chance
        self._stories = [each for each in stories if each.item.owner == owner]
        self._metadata = {each.item.document_id: each.item.owner for each in stories}
        self.outcomes: Counter[str] = Counter()
        self.last_kill = 0.0

    async def run(self) -> None:
        """Runs until cancelled."""
        async with self._http:
            while True:
                await self._one()
                await asyncio.sleep(self._chance.uniform(0.02, 0.15))

    async def last_look(self) -> None:
        """Looks at every document once more; nothing is down any more, so every answer counts."""
        for story in self._stories:
            if story.item.editions[-1].passage_count:
                await self._whole(story)
                await self._listed(story)

    async def _one(self) -> None:
        known = [each for each in self._stories if each.sent and each.item.editions[-1].passage_count]
        if not known or self._chance.random() < 0.25:
            await self._any()
        elif self._chance.random() < 0.3:
            await self._listed(self._chance.choice(known))
        else:
            # What was sent last is where something happens.
            await self._whole(self._chance.choice(known[-12:] if self._chance.random() < 0.6 else known))

    async def _any(self) -> None:
        mode = self._chance.choice(("hybrid", "hybrid", "dense", "lexical"))
        answer = await self._asked(f"{mode} search", {"query": self._chance.choice(_COMMON), "mode": mode, "limit": 30})
        if answer is not None:
            judge_owner(self._tally, self._owner, f"{mode} search", _hits(answer))

    async def _whole(self, story: Story) -> None:
        """All passages of a document by its word: one request, so one epoch."""
        began = time.monotonic()
        answer = await self._asked(
            "lexical search", {"query": story.item.word, "mode": "lexical", "limit": _MOST}, story.item.collection
        )
        if answer is not None:
            passages = _hits(answer)
            judge_owner(self._tally, self._owner, "lexical search", passages)
            judge_sighting(self._tally, story, Sighting(began, time.monotonic(), "lexical search", passages))

    async def _listed(self, story: Story) -> None:
        """All chunks of a document in one page."""
        began = time.monotonic()
        path = f"documents/{story.item.document_id}/chunks"
        answer = await self._answered("listing", "GET", path, story.item.collection, params={"limit": _MOST})
        if answer is not None and answer["next_cursor"] is None:
            found = [
                Passage(each["id"], story.item.document_id, self._metadata[story.item.document_id], each["text"])
                for each in answer["chunks"]
            ]
            judge_owner(self._tally, self._owner, "listing", found)
            judge_sighting(self._tally, story, Sighting(began, time.monotonic(), "listing", found))

    async def _asked(self, how: str, body: dict[str, Any], collection: str = COLLECTION) -> Any:
        return await self._answered(how, "POST", "search", collection, json=body)

    async def _answered(self, how: str, method: str, path: str, collection: str, **request: Any) -> Any:
        """The answer; None where there was none that can be judged. A refusal must be typed and have a cause."""
        unknown = self._may_be_missing(path)
        try:
            answer = await self._http.request(method, f"/api/v1/collections/{collection}/{path}", **request)
        except httpx.TransportError as error:
            self.outcomes[f"no answer ({type(error).__name__})"] += 1
            self._tally.check(Promise.TYPED, self._in_trouble(), f"{how}: no answer though nothing was down: {error!r}")
            return None
        self.outcomes[f"{answer.status_code}" if answer.is_success else f"{answer.status_code} {_reason(answer)}"] += 1
        if answer.is_success:
            self._tally.check(Promise.TYPED, True, "")
            return answer.json()
        missing = answer.status_code == 404 and (unknown or self._may_be_missing(path))
        refused = answer.status_code in _REFUSALS and _reason(answer) and self._in_trouble()
        self._tally.check(Promise.TYPED, missing or refused, f"{how}: {answer.status_code} {answer.text[:200]}")
        return None

    def _in_trouble(self) -> bool:
        return time.monotonic() - self.last_kill < _OUTAGE_SECONDS

    def _may_be_missing(self, path: str) -> bool:
        """A listing of what is not accepted yet, or being deleted; the collection itself while it is made."""
        story = next((each for each in self._stories if f"/{each.item.document_id}/" in path), None)
        if story is None:
            return not any(each.jobs for each in self._stories)
        return not story.jobs or story.delete_began is not None


def _hits(answer: Any) -> list[Passage]:
    return [
        Passage(each["chunk_id"], each["document_id"], str(each["metadata"].get("owner")), each["text"])
        for each in answer["hits"]
    ]


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["reason"])
    except (ValueError, KeyError, TypeError):
        return ""
