"""The contract's routes about jobs, queues, workers, versions and the index."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.sdk.contract_answers import Refusal

if TYPE_CHECKING:
    from tests.sdk.contract_server import Handler, Service

_ENDED = ("succeeded", "failed", "cancelled")


async def list_jobs(service: "Service", request: Request) -> Response:
    query = request.query_params
    looked = service.look if service.jobs_move_in_lists else lambda each: shown(service, each)
    found = [looked(each) for each in reversed(service.jobs)]
    if "document" in query:
        if "collection" not in query:
            raise Refusal(422, "invalid_field", "A document is one of a collection. Name its collection.")
        service.document(query["collection"], query["document"])
    names = {"status": "status", "kind": "kind", "queue": "queue", "stage": "stage", "collection": "collection_id"}
    for asked, field in {**names, "document": "document_id"}.items():
        if asked in query:
            found = [each for each in found if each[field] == query[asked]]
    if "dead" in query:
        found = [each for each in found if each["dead"] == (query["dead"] == "true")]
    return service.page(request, "jobs", found)


def shown(service: "Service", job_id: str) -> dict[str, Any]:
    """The job as it is, without moving it on."""
    job = service.jobs.get(job_id, {"step": 0})
    step = job["step"]
    looked = service.look(job_id)
    job["step"] = step
    return looked


async def get_job(service: "Service", request: Request, job_id: str) -> Response:
    found = service.look(job_id)
    if service.holds_answers:
        for _ in range(100 * int(request.query_params.get("wait", 0))):
            if found["status"] in _ENDED:
                break
            await asyncio.sleep(0.01)
            found = service.look(job_id)
    run = {"number": 1, "worker": "w1", "outcome": found["status"], "stage": found["stage"], "error": found["error"]}
    return JSONResponse({**found, "runs": [run]})


async def job_events(service: "Service", request: Request, job_id: str) -> Response:
    shown(service, job_id)
    if service.streams == "no":
        raise Refusal(404, "not_found", "There is no such address.")
    last = int(request.headers.get("last-event-id", 0))
    left = service.stream_cuts.popleft() if service.stream_cuts else 1000
    if service.streams == "held":
        await request.receive()  # the body
        await request.receive()  # the client has gone
    return StreamingResponse(_events(service, job_id, last, left), media_type="text/event-stream")


async def _events(service: "Service", job_id: str, last: int, left: int) -> AsyncIterator[str]:
    yield ": here\n\n"
    found = shown(service, job_id)
    while left > 0:
        if found["revision"] > last:
            yield f"id: {found['revision']}\nevent: job\ndata: {json.dumps(found)}\n\n"
            left -= 1
        if found["status"] in _ENDED:
            yield "event: end\ndata: {}\n\n"
            return
        await asyncio.sleep(0.01)
        found = service.look(job_id)


async def cancel_job(service: "Service", request: Request, job_id: str) -> Response:
    if shown(service, job_id)["status"] in ("succeeded", "failed"):
        raise Refusal(409, "job_ended", "The job has ended already; nothing was cancelled.")
    service.jobs[job_id].setdefault("ended", {"status": "cancelled"})
    return JSONResponse(service.look(job_id))


async def retry_job(service: "Service", request: Request, job_id: str) -> Response:
    if shown(service, job_id)["status"] not in ("failed", "cancelled"):
        raise Refusal(409, "job_not_failed", "Only a failed or cancelled job is retried.")
    _again(service, job_id)
    return JSONResponse(shown(service, job_id), 202)


def _again(service: "Service", job_id: str) -> None:
    job = service.jobs[job_id]
    job.update(step=0, base=job["base"] + 20, error=None)
    del job["ended"]
    service.document(*job["document"]).update(status="pending", error=None)


async def retry_jobs(service: "Service", request: Request) -> Response:
    body = await request.json()
    found = [each for each in service.jobs if shown(service, each)["dead"] or not body["dead"]]
    found = [each for each in found if shown(service, each)["status"] == "failed"]
    if "reason" in body:
        found = [each for each in found if shown(service, each)["error"]["reason"] == body["reason"]]
    chosen = found[: body.get("limit", 1000)]
    for each in chosen:
        _again(service, each)
    return JSONResponse({"retried": len(chosen), "left": len(found) - len(chosen)})


async def queues(service: "Service", request: Request) -> Response:
    ingest = {"name": "document_processing", "queued": 3, "running": 1, "dead": 2, "oldest_seconds": 90.0}
    idle = {"name": "reindex", "queued": 0, "running": 0, "dead": 0, "oldest_seconds": 0.0}
    return JSONResponse({"queues": [ingest, idle]})


async def workers(service: "Service", request: Request) -> Response:
    return JSONResponse(
        {"workers": [{"name": "w1", "started_at": "2026-11-21T10:00:00Z", "running": 2, "draining": False}]}
    )


async def list_versions(service: "Service", request: Request, collection: str, document_id: str) -> Response:
    service.document(collection, document_id)
    return JSONResponse({"versions": service.versions[(collection, document_id)]})


async def restore(service: "Service", request: Request, collection: str, document_id: str, number: str) -> Response:
    listed = service.versions[(collection, document_id)]
    chosen = next((each for each in listed if each["number"] == int(number)), None)
    if chosen is None:
        raise Refusal(404, "version_not_found", "There is no such version.")
    document = service.document(collection, document_id)
    document["version"] = listed[0]["number"] + 1
    listed.insert(0, {**chosen, "number": document["version"], "restored_from": int(number)})
    job = service.enqueue(collection, document_id, document["version"], "restore")
    return JSONResponse({"document": document, "job": job}, 202)


async def reindex(service: "Service", request: Request, collection: str) -> Response:
    home = service.documents[service.collection(collection)["name"]]
    for each in list(home.values()):
        service.enqueue(collection, each["id"], each["version"], "rebuild")
    return JSONResponse({"queued": len(home)}, 202)


async def reconcile(service: "Service", request: Request, collection: str) -> Response:
    home = service.documents[service.collection(collection)["name"]]
    for each in list(home.values())[:1]:
        service.enqueue(collection, each["id"], each["version"], "rebuild")
    found = {"documents_checked": len(home), "versions_missing_chunks": 1, "jobs_queued": min(1, len(home))}
    return JSONResponse({**found, "orphan_versions_removed": 0, "chunks_removed": 7})


_C, _J = "/api/v1/collections/([^/]+)", "/api/v1/jobs"
_D = f"{_C}/documents/([^/]+)"
ROUTES: "list[tuple[str, str, Handler]]" = [
    ("GET", _J, list_jobs),
    ("GET", f"{_J}/([^/]+)", get_job),
    ("GET", f"{_J}/([^/]+)/events", job_events),
    ("POST", f"{_J}/([^/]+)/cancel", cancel_job),
    ("POST", f"{_J}/([^/]+)/retry", retry_job),
    ("POST", f"{_J}:retry", retry_jobs),
    ("GET", "/api/v1/queues", queues),
    ("GET", "/api/v1/workers", workers),
    ("GET", f"{_D}/versions", list_versions),
    ("POST", f"{_D}/versions/([0-9]+)/restore", restore),
    ("POST", f"{_C}/reindex", reindex),
    ("POST", f"{_C}/reconcile", reconcile),
]
