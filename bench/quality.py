"""nDCG@10 of each mode and of each weight of the legs, on a judged collection, through the public API.

`make bench-quality`; the collection is that of the tests (LOREKEEP_TEST_DATA, ir/scifact-mini: BEIR layout). nDCG as in
Järvelin and Kekäläinen 2002 with gain = judgment and log2 discount; a document counts once, at its best chunk.
"""

import json
import math
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
from tests.e2e.suite import DATA, eventually, running

from bench.report import conditions, write
from lorekeep_sdk import Lorekeep

_FOLDER = DATA / "ir" / "scifact-mini"
_NAME, _BATCH, _DEPTH, _CUT = "judged", 100, 100, 10
_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7)
Leg = list[tuple[str, str, float]]


def main() -> None:
    before = conditions()
    queries = _lines("queries.jsonl")
    judged = _judgments()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as suite, suite.client() as client:
        _fill(client)
        with Lorekeep(url=suite.url, key=suite.key) as lorekeep:
            answers = {
                mode: {each["_id"]: _hits(lorekeep, each["text"], mode) for each in queries if each["_id"] in judged}
                for mode in ("hybrid", "dense", "lexical")
            }
    rows: list[tuple[str, object]] = [(mode, _mean(_ranked(found), judged)) for mode, found in answers.items()]
    for weight in _WEIGHTS:
        fused = {query: _fused(answers["dense"][query], answers["lexical"][query], weight) for query in judged}
        rows.append((f"dense weight {weight}", _mean(_ranked(fused), judged)))
    write("quality", ("mode", "nDCG@10"), rows, {"conditions": before, "queries": len(judged)})


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_FOLDER / name).read_text().splitlines()]


def _judgments() -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (_FOLDER / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged[query][document] = int(gain)
    return judged


def _fill(client: httpx.Client) -> None:
    client.post("/api/v1/collections", json={"name": _NAME}).raise_for_status()
    documents = [{"document_id": d["_id"], "title": d["title"], "text": d["text"]} for d in _lines("corpus.jsonl")]
    for start in range(0, len(documents), _BATCH):
        batch = {"documents": documents[start : start + _BATCH]}
        client.post(f"/api/v1/collections/{_NAME}/documents:batch", json=batch).raise_for_status()
    eventually(lambda: not any(_unfinished(client, status) for status in ("pending", "processing")), seconds=1800)


def _unfinished(client: httpx.Client, status: str) -> list[object]:
    query: dict[str, str | int] = {"status": status, "limit": 1}
    found: list[object] = client.get(f"/api/v1/collections/{_NAME}/documents", params=query).json()["documents"]
    return found


def _hits(lorekeep: Lorekeep, query: str, mode: str) -> Leg:
    hits = lorekeep.search(_NAME, query, mode=mode, limit=_DEPTH)["hits"]  # type: ignore[arg-type]
    return [
        (hit["document_id"], hit["chunk_id"], hit["score"] if mode == "hybrid" else hit["scores"][mode]) for hit in hits
    ]


def _fused(dense: Leg, lexical: Leg, weight: float) -> Leg:
    """Dense between its worst and its best, lexical between zero and its best, as the search service does it."""
    scores: dict[tuple[str, str], float] = defaultdict(float)
    for leg, share, low in ((dense, weight, None), (lexical, 1 - weight, 0.0)):
        values = [score for _, _, score in leg]
        floor = min(values, default=0.0) if low is None else low
        width = max(values, default=0.0) - floor or 1.0
        for document, chunk, score in leg:
            scores[document, chunk] += share * (score - floor) / width
    return sorted(((*key, score) for key, score in scores.items()), key=lambda each: (-each[2], each[1]))


def _ranked(answers: dict[str, Leg]) -> dict[str, list[str]]:
    return {query: list(dict.fromkeys(document for document, _, _ in leg)) for query, leg in answers.items()}


def _mean(ranked: dict[str, list[str]], judged: dict[str, dict[str, int]]) -> float:
    return round(sum(_ndcg(ranked[query], gains) for query, gains in judged.items()) / len(judged), 3)


def _ndcg(ranked: list[str], gains: dict[str, int]) -> float:
    def discounted(values: list[int]) -> float:
        return sum(value / math.log2(rank + 2) for rank, value in enumerate(values[:_CUT]))

    return discounted([gains.get(each, 0) for each in ranked]) / discounted(sorted(gains.values(), reverse=True))


if __name__ == "__main__":
    main()
