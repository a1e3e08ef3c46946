"""A small service that keeps the public HTTP contract, in memory, over a real socket.

Its routes about jobs, versions, uploads in parts, sources and webhooks stand in `contract_jobs` and
`contract_sources`. Documents move one step at each look at their job. A file whose name holds `password` fails as
encrypted; `.exe` is refused. It runs in a thread (`serving`), or as a process over an inherited socket:
`python -m tests.sdk.contract_server FD`.
"""

import asyncio
import hashlib
import json
import re
import socket
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.sdk import contract_jobs, contract_reading, contract_sources
from tests.sdk.contract_answers import TRACE, Refusal

KEY = "kb_test_secret"
STEPS: list[dict[str, Any]] = [
    {"status": "queued", "stage": None, "progress": {}},
    {"status": "running", "stage": "parse", "progress": {"pages_done": 1, "pages_total": 2}},
    {
        "status": "running",
        "stage": "embed",
        "progress": {"pages_done": 2, "pages_total": 2, "chunks_indexed": 1, "chunks_total": 3},
        "estimate": {"seconds_left": 12.0},
    },
    {"status": "succeeded", "stage": "flip", "progress": {"pages_done": 2, "pages_total": 2, "chunks_indexed": 3}},
]
ENCRYPTED = {"reason": "encrypted", "message": "The file is encrypted. Remove its password and send it again."}


class Service:
    """The state of the service, and what tests look at: `seen` requests, and `planned` answers that come first.

    A planned answer is (status, headers); with status 0 the request is carried out and then answered with 502.
    `failing` maps words in names to what documents so named fail of, and whether their jobs are dead then. `streams` is
    `yes`, `no`, or `held` where a proxy keeps the bytes back; each of `stream_cuts` ends a stream after so many events.
    Posts to what `full_for` names are refused for a full queue.
    """

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, dict[str, Any]]] = {}
        self.contents: dict[tuple[str, str], bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, Any] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.planned: deque[tuple[int, dict[str, str]]] = deque()
        self.ready = True
        self.failing: dict[str, tuple[str, bool]] = {"password": ("encrypted", False)}
        self.versions: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.readings: dict[str, dict[str, Any]] = {}
        self.streams = "yes"
        self.stream_cuts: deque[int] = deque()
        self.holds_answers = True
        self.arrived_bytes = 0
        self.seconds_per_part = 0.0
        self.full_for = ""
        self.jobs_move_in_lists = False
        self.page_size = 2
        self.seconds_per_answer = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode()
        self.seen.append((request.method, path, dict(request.headers)))
        answer = await self._answer(request, path)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        planned = self.planned.popleft() if self.planned and not path.startswith("/health") else None
        if self.full_for and request.method == "POST" and path.endswith(f"/{self.full_for}"):
            full = {"reason": "queue_full", "message": "Too many documents wait. Come back later."}
            return JSONResponse({"error": full}, 429, {"retry-after": "30"})
        if planned and planned[0]:
            return JSONResponse({"error": {"reason": "planned", "message": "Planned."}}, planned[0], planned[1])
        try:
            answer = await self._routed(request, path)
        except Refusal as refusal:
            answer = refusal.answer
        return Response("<html>bad gateway</html>", 502) if planned else answer

    async def _routed(self, request: Request, path: str) -> Response:
        if path.startswith("/health"):
            return self._health(path)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refusal(401, "unauthenticated", "The key is not valid.")
        for method, pattern, handler in (
            *ROUTES,
            *contract_jobs.ROUTES,
            *contract_reading.ROUTES,
            *contract_sources.ROUTES,
        ):
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                return await handler(self, request, *map(unquote, match.groups()))
        raise Refusal(404, "not_found", "There is no such address.")

    def _health(self, path: str) -> Response:
        if path == "/health/live":
            return JSONResponse({"status": "alive"})
        state = {"status": "ok", "detail": ""} if self.ready else {"status": "failed", "detail": "search is starting"}
        body = {"status": "ready" if self.ready else "not_ready", "components": {"search": state}}
        return JSONResponse(body, 200 if self.ready else 503)

    def collection(self, name: str) -> dict[str, Any]:
        for each in self.collections.values():
            if name in (each["name"], each["id"]):
                return each
        raise Refusal(404, "not_found", f"There is no collection {name!r}. Create it first.")

    def document(self, collection: str, document_id: str) -> dict[str, Any]:
        found = self.documents[self.collection(collection)["name"]].get(document_id)
        if found is None:
            raise Refusal(404, "not_found", "There is no such document.")
        return found

    def add(self, collection: str, document_id: str, name: str, content: bytes, metadata: Any) -> dict[str, Any]:
        """A new document or version, and its job; the latest job where the bytes are the same."""
        home = self.documents[self.collection(collection)["name"]]
        known = home.get(document_id)
        jobs = [each["id"] for each in self.jobs.values() if each["document"] == (collection, document_id)]
        if known and self.contents[(collection, document_id)] == content:
            return {"document": known, "job": self.look(jobs[-1]) if jobs else None, "unchanged": True}
        self.contents[(collection, document_id)] = content
        version = known["version"] + 1 if known else 1
        home[document_id] = {
            "id": document_id,
            "name": name,
            "status": "pending",
            "version": version,
            "metadata": metadata,
        }
        home[document_id].update(verdict=None, error=None, kind="file")
        listed = self.versions.setdefault((collection, document_id), [])
        facts = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "visible": False}
        listed.insert(0, {"number": version, "status": "pending", "name": name, "restorable": True, **facts})
        return {"document": home[document_id], "job": self.enqueue(collection, document_id, version)}

    def enqueue(self, collection: str, document_id: str, version: int, kind: str = "ingest") -> dict[str, Any]:
        """A new job, as it is at first."""
        job = {"id": f"job_{len(self.jobs) + 1}", "attempt": 1, "dead": False, "warnings": [], "error": None, "step": 0}
        queue = "reindex" if kind == "rebuild" else "document_processing"
        about = {
            "kind": kind,
            "queue": queue,
            "collection_id": collection,
            "document_id": document_id,
            "version": version,
        }
        self.jobs[str(job["id"])] = job | about | {"document": (collection, document_id), "base": 0}
        return self.look(str(job["id"]))

    def look(self, job_id: str) -> dict[str, Any]:
        """The job as it is, moved on by one step for the next look."""
        job = self.jobs.get(job_id)
        if job is None:
            raise Refusal(404, "not_found", "There is no such job.")
        hidden = ("step", "document", "base", "ended")
        shown = {key: value for key, value in job.items() if key not in hidden} | STEPS[job["step"]]
        shown["revision"] = job["base"] + job["step"] + 1
        if "ended" in job:
            return shown | job["ended"] | {"revision": shown["revision"] + 10}
        document = self.document(*job["document"])
        fault = next((each for word, each in self.failing.items() if word in document["name"]), None)
        if fault and job["step"] == 2:
            error = ENCRYPTED if fault[0] == "encrypted" else {"reason": fault[0], "message": "It failed."}
            document.update(status="failed", error=error)
            job["ended"] = {"status": "failed", "dead": fault[1], "error": error}
            return self.look(job_id)
        document["status"] = {"queued": "pending", "running": "processing", "succeeded": "ready"}[shown["status"]]
        job["step"] = min(job["step"] + 1, len(STEPS) - 1)
        return shown

    def forget(self, collection: str, document_id: str) -> None:
        """Takes a document away, with all that belongs to it."""
        del self.documents[collection][document_id]
        self.versions.pop((collection, document_id), None)
        for job_id in [key for key, job in self.jobs.items() if job["document"] == (collection, document_id)]:
            del self.jobs[job_id]

    def page(self, request: Request, name: str, entries: list[Any]) -> Response:
        start = int(request.query_params.get("cursor", 0))
        end = start + int(request.query_params.get("limit", self.page_size))
        return JSONResponse({name: entries[start:end], "next_cursor": str(end) if end < len(entries) else None})


async def create_collection(service: Service, request: Request) -> Response:
    body = await request.json()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", body["name"]):
        raise Refusal(422, "invalid_name", "A name has small letters, digits, _ and -.")
    if body["name"] in service.collections:
        raise Refusal(409, "already_exists", f"There is a collection {body['name']!r} already.")
    made = {"id": f"col_{len(service.collections)}", "created_at": "2026-11-21T10:00:00+00:00", **body}
    made |= contract_reading.resolved(body.get("chunking"), body.get("reading"))
    service.collections[body["name"]] = made
    service.documents[body["name"]] = {}
    return JSONResponse(made, 201)


async def list_collections(service: Service, request: Request) -> Response:
    return service.page(request, "collections", list(service.collections.values()))


async def get_collection(service: Service, request: Request, name: str) -> Response:
    return JSONResponse(service.collection(name))


async def update_collection(service: Service, request: Request, name: str) -> Response:
    found = service.collection(name)
    body = await request.json()
    found["metadata_schema"] = {**found.get("metadata_schema", {}), **body.get("metadata_schema", {})}
    contract_reading.change(service, found, body)
    return JSONResponse(found)


async def delete_collection(service: Service, request: Request, name: str) -> Response:
    found = service.collections.pop(service.collection(name)["name"])
    for document_id in list(service.documents[found["name"]]):
        service.forget(found["name"], document_id)
    removed = {"documents": 2, "versions": 2, "blobs": 1, "segments": 4, "chunks": 6, "jobs": 2, "cache_entries": 0}
    return JSONResponse({"id": found["id"], "status": "deleting", "removed": removed}, 202)


async def add_document(service: Service, request: Request, collection: str) -> Response:
    service.collection(collection)
    key = request.headers["idempotency-key"]
    if key not in service.kept:
        service.kept[key] = await _added(service, request, collection)
    return JSONResponse(service.kept[key], 202)


async def _added(service: Service, request: Request, collection: str) -> dict[str, Any]:
    if request.headers["content-type"].startswith("application/json"):
        body = await request.json()
        document_id = body.get("document_id") or f"doc_{len(service.jobs)}"
        return service.add(collection, document_id, body.get("title", ""), body["text"].encode(), body.get("metadata"))
    async with request.form() as form:
        file: Any = form["file"]
        if file.filename.endswith(".exe"):
            raise Refusal(415, "unsupported_media", "Programs cannot be read. Send documents.")
        document_id = str(form.get("document_id") or f"doc_{len(service.jobs)}")
        metadata = json.loads(str(form.get("metadata", "{}")))
        service.readings[document_id] = {each: form[each] for each in ("strategy", "languages") if each in form}
        content = await file.read()
        service.arrived_bytes += len(content)
        await asyncio.sleep(service.seconds_per_answer)
        return service.add(collection, document_id, file.filename, content, metadata)


async def add_batch(service: Service, request: Request, collection: str) -> Response:
    results: list[dict[str, Any]] = []
    for each in (await request.json())["documents"]:
        if each["text"].strip():
            results.append(
                service.add(collection, each["document_id"], each.get("title", ""), each["text"].encode(), {})
            )
        else:
            results.append({"error": {"reason": "empty_text", "message": "The text is empty."}})
    return JSONResponse({"results": results}, 202)


async def list_documents(service: Service, request: Request, collection: str) -> Response:
    found = list(service.documents[service.collection(collection)["name"]].values())
    if parent := request.query_params.get("parent"):
        found = [each for each in found if each.get("parent") == service.document(collection, parent)["id"]]
    return service.page(request, "documents", found)


async def get_document(service: Service, request: Request, collection: str, document_id: str) -> Response:
    return JSONResponse(service.document(collection, document_id))


async def delete_document(service: Service, request: Request, collection: str, document_id: str) -> Response:
    service.document(collection, document_id)
    service.forget(collection, document_id)
    removed = {"documents": 1, "versions": 1, "blobs": 1, "segments": 2, "chunks": 3, "jobs": 1, "cache_entries": 4}
    return JSONResponse({"id": document_id, "status": "deleted", "removed": removed})


async def list_chunks(service: Service, request: Request, collection: str, document_id: str) -> Response:
    return service.page(request, "chunks", _chunks(service, collection, document_id))


async def get_content(service: Service, request: Request, collection: str, document_id: str) -> Response:
    return Response(service.contents[(collection, document_id)], media_type="application/octet-stream")


async def search(service: Service, request: Request, collection: str = "") -> Response:
    body = await request.json()
    if not body["query"].strip():
        raise Refusal(422, "blank_query", "The query is blank. Say what to look for.")
    await asyncio.sleep(service.seconds_per_answer)
    names = [collection] if collection else body["collections"]
    hits = [hit for name in names for hit in _hits(service, service.collection(name)["name"], body["query"])]
    hits.sort(key=lambda hit: -hit["score"])
    return JSONResponse({"hits": hits[: body["limit"]], "next_cursor": None, "trace_id": TRACE})


def _hits(service: Service, collection: str, query: str) -> Iterator[dict[str, Any]]:
    words = set(query.lower().split())
    for document in service.documents[collection].values():
        for chunk in _chunks(service, collection, document["id"]):
            share = len(words & set(re.findall(r"\w+", chunk["text"].lower()))) / len(words)
            if share:
                where = {"page": chunk["page"], "heading_path": chunk["heading_path"], "metadata": document["metadata"]}
                named = {"document_id": document["id"], "chunk_id": chunk["id"], "collection": collection}
                yield {
                    **named,
                    "score": share,
                    "scores": {"dense": None, "lexical": share},
                    "text": chunk["text"],
                    **where,
                }


def _chunks(service: Service, collection: str, document_id: str) -> list[dict[str, Any]]:
    text = service.contents[(collection, document_id)].decode("utf-8", "replace")
    return [
        {"id": f"{document_id}#{number}", "text": part, "page": number + 1, "heading_path": ["Guide", "Part one"]}
        for number, part in enumerate(text.split("\n\n"))
    ]


Handler = Callable[..., Awaitable[Response]]
_C = "/api/v1/collections"
ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", _C, create_collection),
    ("GET", _C, list_collections),
    ("GET", f"{_C}/([^/]+)", get_collection),
    ("PATCH", f"{_C}/([^/]+)", update_collection),
    ("DELETE", f"{_C}/([^/]+)", delete_collection),
    ("POST", f"{_C}/([^/]+)/documents", add_document),
    ("POST", f"{_C}/([^/]+)/documents:batch", add_batch),
    ("GET", f"{_C}/([^/]+)/documents", list_documents),
    ("GET", f"{_C}/([^/]+)/documents/([^/]+)", get_document),
    ("DELETE", f"{_C}/([^/]+)/documents/([^/]+)", delete_document),
    ("GET", f"{_C}/([^/]+)/documents/([^/]+)/chunks", list_chunks),
    ("GET", f"{_C}/([^/]+)/documents/([^/]+)/content", get_content),
    ("POST", "/api/v1/search", search),
    ("POST", f"{_C}/([^/]+)/search", search),
]


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """Serves in a thread; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(service, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


if __name__ == "__main__":
    alone = Service()
    alone.collections["demo"] = {"id": "col_0", "name": "demo"}
    alone.documents["demo"] = {"d": {"id": "d", "name": "d", "metadata": {}, "version": 1, "status": "ready"}}
    alone.contents[("demo", "d")] = b"a passage"
    alone.seconds_per_answer = 0.01
    number = int(sys.argv[1])
    uvicorn.run(alone, fd=number, lifespan="off", access_log=False, timeout_graceful_shutdown=5)
