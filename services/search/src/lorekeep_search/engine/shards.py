"""The index spaces of a directory, one shard of the engine each, and the operations on them.

A space is a folder with `space.json`, the facts of its model, and `shard`, the engine's files. A shard is made beside
its place and moved there, so that a crash in between leaves nothing half made. HNSW is never built here: `optimize()`
stops the process for seconds, and up to some 20,000 points an exact scan is as quick. It belongs on a flushed copy, in
another process.
"""

import json
import shutil
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qdrant_edge as engine

from lorekeep_search.engine import requests

Request = dict[str, Any]
Answer = dict[str, Any]

_CANDIDATE_KEYS = ["chunk_id", "document_id"]
_EPOCH_KEYS = ["from_epoch", "to_epoch"]


class UnknownSpace(Exception):
    """A space that was never prepared."""


class Shards:
    """All spaces, opened at the start and kept open."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._shards = {each.parent.name: _opened(each.parent) for each in directory.glob("*/space.json")}
        self._written: set[str] = set()
        self._operations: dict[str, Callable[[Request, bytes], Answer]] = {
            "prepare": self._prepare,
            "facts": self._facts,
            "upsert": self._upsert,
            "stamp": self._stamp,
            "remove": self._remove,
            "list": self._list,
            "count": self._count,
            "scan": self._scan,
            "query": self._query,
            "fetch": self._fetch,
            "ping": self._ping,
        }

    def run(self, request: Request, tail: bytes) -> Answer:
        """Runs the operation that a request names."""
        return self._operations[request["op"]](request, tail)

    def flush(self) -> None:
        """Writes down what the engine holds in memory; the log alone would do, but replays slowly."""
        for name in self._written:
            self._shards[name].flush()
        self._written.clear()

    def close(self) -> None:
        """Flushes and closes every shard."""
        self.flush()
        for shard in self._shards.values():
            shard.close()

    def _ping(self, request: Request, tail: bytes) -> Answer:
        return {"spaces": len(self._shards)}

    def _facts(self, request: Request, tail: bytes) -> Answer:
        self._shard(request)
        return {"facts": json.loads((self._folder(request) / "space.json").read_text(encoding="utf-8"))}

    def _prepare(self, request: Request, tail: bytes) -> Answer:
        if request["space"] not in self._shards:
            self._shards[request["space"]] = _made(self._folder(request), request["facts"])
        shard, answer = self._shard(request), self._facts(request, tail)
        standing = set(shard.info().payload_schema)
        for key, kind in request["indexes"].items():
            if key.replace('"', "") not in standing and key not in standing:
                shard.update(engine.UpdateOperation.create_field_index(key, requests.index(kind)))
        self._written.add(request["space"])
        return answer

    def _upsert(self, request: Request, tail: bytes) -> Answer:
        shard, points = self._shard(request), request["points"]
        kept = self._epochs(shard, [each["id"] for each in points], request["never"])
        size = len(tail) // len(points)
        shard.update(
            engine.UpdateOperation.upsert_points(
                [
                    requests.point(each, tail[number * size : (number + 1) * size], kept.get(each["id"], {}))
                    for number, each in enumerate(points)
                ]
            )
        )
        self._written.add(request["space"])
        return {"count": len(points)}

    def _epochs(self, shard: Any, ids: list[str], never: int) -> dict[str, dict[str, int]]:
        """The epochs of points that are visible without end, which a repeated write must not hide."""
        found = {str(each.id): each.payload for each in shard.retrieve(ids, _EPOCH_KEYS, False)}
        return {key: each for key, each in found.items() if each["from_epoch"] < never == each["to_epoch"]}

    def _stamp(self, request: Request, tail: bytes) -> Answer:
        shard = self._shard(request)
        ids = self._ids(shard, request)
        if ids:
            shard.update(engine.UpdateOperation.set_payload(ids, request["epochs"]))
            self._written.add(request["space"])
        return {"count": len(ids)}

    def _remove(self, request: Request, tail: bytes) -> Answer:
        shard = self._shard(request)
        ids = self._ids(shard, request)
        if ids:
            shard.update(engine.UpdateOperation.delete_points(ids))
            self._written.add(request["space"])
        return {"count": len(ids)}

    def _ids(self, shard: Any, request: Request) -> list[Any]:
        found, _ = shard.scroll(
            engine.ScrollRequest(
                limit=request["limit"], filter=requests.filter_of(request["filter"]), with_payload=False
            )
        )
        return [each.id for each in found]

    def _list(self, request: Request, tail: bytes) -> Answer:
        found, _ = self._shard(request).scroll(
            engine.ScrollRequest(
                limit=request["limit"],
                filter=requests.filter_of(request["filter"]),
                order_by=engine.OrderBy("ordinal", engine.Direction.Asc),
                with_payload=True,
            )
        )
        return {"payloads": [each.payload for each in found]}

    def _count(self, request: Request, tail: bytes) -> Answer:
        counted = self._shard(request).count(engine.CountRequest(filter=requests.filter_of(request["filter"])))
        return {"count": counted}

    def _scan(self, request: Request, tail: bytes) -> Answer:
        """A portion in the order of ids; `next` is the id that the following one begins with."""
        found, further = self._shard(request).scroll(
            engine.ScrollRequest(
                offset=request["offset"],
                limit=request["limit"],
                filter=requests.filter_of(request["filter"]),
                with_payload=engine.PayloadSelector.Include(request["keys"]),
            )
        )
        return {"payloads": [each.payload for each in found], "next": None if further is None else str(further)}

    def _query(self, request: Request, tail: bytes) -> Answer:
        shard, allowed = self._shard(request), requests.filter_of(request["filter"])
        legs = []
        for leg in request["legs"]:
            begin = time.perf_counter()
            found = shard.query(
                engine.QueryRequest(
                    limit=request["depth"],
                    query=requests.leg(leg, array("f", tail).tolist()),
                    filter=allowed,
                    with_payload=engine.PayloadSelector.Include(_CANDIDATE_KEYS),
                    params=requests.params(leg, request["corpus"]),
                )
            )
            rows = [[str(each.id), *(each.payload[key] for key in _CANDIDATE_KEYS), each.score] for each in found]
            legs.append({"candidates": rows, "duration_ms": (time.perf_counter() - begin) * 1000})
        return {"legs": legs}

    def _fetch(self, request: Request, tail: bytes) -> Answer:
        found = self._shard(request).retrieve(request["ids"], True, False)
        return {"payloads": {str(each.id): each.payload for each in found}}

    def _shard(self, request: Request) -> Any:
        try:
            return self._shards[request["space"]]
        except KeyError:
            raise UnknownSpace from None

    def _folder(self, request: Request) -> Path:
        return self._directory / str(request["space"])


def _made(folder: Path, facts: Request) -> Any:
    folder.mkdir(exist_ok=True)
    unfinished = folder / "shard.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    if not (folder / "shard").exists():
        engine.EdgeShard.create(str(unfinished), requests.config(facts)).close()
        unfinished.rename(folder / "shard")
    written = folder / "space.json.unfinished"
    written.write_text(json.dumps(facts), encoding="utf-8")
    written.rename(folder / "space.json")
    return _opened(folder)


def _opened(folder: Path) -> Any:
    return engine.EdgeShard.load(str(folder / "shard"))
