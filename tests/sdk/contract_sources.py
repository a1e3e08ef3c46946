"""The contract's routes about uploads in parts, texts, pairs, web pages and webhooks."""

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.sdk.contract_answers import Refusal

if TYPE_CHECKING:
    from tests.sdk.contract_server import Handler, Service

PART_BYTES = 8 * 1024 * 1024


async def create_upload(service: "Service", request: Request, collection: str) -> Response:
    service.collection(collection)
    body = await request.json()
    upload_id = f"upl_{len(service.seen)}"
    service.uploads[upload_id] = {**body, "id": upload_id, "parts": {}}
    return JSONResponse({"upload": _upload(service, upload_id)}, 201)


def _upload(service: "Service", upload_id: str) -> dict[str, Any]:
    if upload_id not in service.uploads:
        raise Refusal(404, "upload_not_found", "There is no such upload; it may have expired.")
    held = service.uploads[upload_id]
    total = -(-held["size_bytes"] // PART_BYTES)
    parts = {"part_bytes": PART_BYTES, "parts_total": total, "parts_received": sorted(held["parts"])}
    return {"id": upload_id, "name": held["name"], "size_bytes": held["size_bytes"], **parts}


async def get_upload(service: "Service", request: Request, collection: str, upload_id: str) -> Response:
    return JSONResponse({"upload": _upload(service, upload_id)})


async def put_part(service: "Service", request: Request, collection: str, upload_id: str, number: str) -> Response:
    _upload(service, upload_id)
    content = await request.body()
    await asyncio.sleep(service.seconds_per_part)
    service.arrived_bytes += len(content)
    service.uploads[upload_id]["parts"][int(number)] = content
    return JSONResponse({"upload": _upload(service, upload_id)})


async def complete_upload(service: "Service", request: Request, collection: str, upload_id: str) -> Response:
    key = request.headers["idempotency-key"]
    if key not in service.kept:
        about = _upload(service, upload_id)
        if len(about["parts_received"]) < about["parts_total"]:
            raise Refusal(409, "upload_incomplete", "Parts are missing.")
        held = service.uploads.pop(upload_id)
        content = b"".join(held["parts"][number] for number in sorted(held["parts"]))
        if held.get("sha256") and hashlib.sha256(content).hexdigest() != held["sha256"]:
            raise Refusal(422, "checksum_mismatch", "The parts are not what was announced.")
        document_id = held.get("document_id") or upload_id
        service.kept[key] = service.add(collection, document_id, held["name"], content, held.get("metadata") or {})
    return JSONResponse(service.kept[key], 202)


async def delete_upload(service: "Service", request: Request, collection: str, upload_id: str) -> Response:
    _upload(service, upload_id)
    del service.uploads[upload_id]
    return Response(status_code=204)


async def add_source(service: "Service", request: Request, collection: str, kind: str) -> Response:
    assert request.headers["idempotency-key"]
    body = await request.json()
    document_id = body.get("document_id") or f"doc_{len(service.jobs)}"
    return _put(service, collection, kind, document_id, body)


def _put(service: "Service", collection: str, kind: str, document_id: str, body: dict[str, Any]) -> Response:
    texts = [body[name] for name in ("question", "answer", "text", "url") if name in body]
    name = body.get("title") or body.get("question") or body.get("url") or ""
    answer = service.add(collection, document_id, name, "\n\n".join(texts).encode(), body.get("metadata") or {})
    source = {key: value for key, value in body.items() if key not in ("document_id", "metadata")}
    answer["document"].update(kind=kind.removesuffix("s"), source=source)
    return JSONResponse(answer, 202)


def _source(service: "Service", collection: str, kind: str, source_id: str) -> dict[str, Any]:
    found = service.document(collection, source_id)
    if found["kind"] != kind.removesuffix("s"):
        raise Refusal(404, "not_found", "There is no such source.")
    return found


async def list_sources(service: "Service", request: Request, collection: str, kind: str) -> Response:
    home = service.documents[service.collection(collection)["name"]].values()
    return service.page(request, kind, [each for each in home if each["kind"] == kind.removesuffix("s")])


async def get_source(service: "Service", request: Request, collection: str, kind: str, source_id: str) -> Response:
    return JSONResponse(_source(service, collection, kind, source_id))


async def change_source(service: "Service", request: Request, collection: str, kind: str, source_id: str) -> Response:
    found = _source(service, collection, kind, source_id)
    return _put(service, collection, kind, source_id, {**found["source"], **await request.json()})


async def refresh(service: "Service", request: Request, collection: str, source_id: str) -> Response:
    found = _source(service, collection, "websites", source_id)
    job = service.enqueue(collection, source_id, found["version"])
    return JSONResponse({"document": found, "job": job}, 202)


async def delete_source(service: "Service", request: Request, collection: str, kind: str, source_id: str) -> Response:
    _source(service, collection, kind, source_id)
    service.forget(collection, source_id)
    return JSONResponse({"id": source_id, "status": "deleted", "removed": {"documents": 1}})


async def create_webhook(service: "Service", request: Request) -> Response:
    assert request.headers["idempotency-key"]
    number = len(service.webhooks) + 1
    made = {"id": f"whk_{number}", "active": True, **await request.json()}
    service.webhooks[made["id"]] = made
    return JSONResponse({**made, "secret": f"whsec_{number}"}, 201)


async def list_webhooks(service: "Service", request: Request) -> Response:
    return service.page(request, "webhooks", list(service.webhooks.values()))


def _webhook(service: "Service", webhook_id: str) -> dict[str, Any]:
    if webhook_id not in service.webhooks:
        raise Refusal(404, "webhook_not_found", "There is no such webhook.")
    return service.webhooks[webhook_id]


async def get_webhook(service: "Service", request: Request, webhook_id: str) -> Response:
    return JSONResponse(_webhook(service, webhook_id))


async def change_webhook(service: "Service", request: Request, webhook_id: str) -> Response:
    _webhook(service, webhook_id).update(await request.json())
    return JSONResponse(_webhook(service, webhook_id))


async def rotate_webhook(service: "Service", request: Request, webhook_id: str) -> Response:
    return JSONResponse({**_webhook(service, webhook_id), "secret": "whsec_new"})


async def delete_webhook(service: "Service", request: Request, webhook_id: str) -> Response:
    _webhook(service, webhook_id)
    del service.webhooks[webhook_id]
    return Response(status_code=204)


async def list_deliveries(service: "Service", request: Request, webhook_id: str) -> Response:
    _webhook(service, webhook_id)
    sent = {"id": "dlv_1", "event": "job.succeeded", "status": "delivered", "attempt": 1, "response_status": 200}
    return service.page(request, "deliveries", [sent])


async def replay(service: "Service", request: Request, webhook_id: str, delivery_id: str) -> Response:
    return JSONResponse({"id": delivery_id, "event": "job.succeeded", "status": "waiting"}, 202)


_C, _W = "/api/v1/collections/([^/]+)", "/api/v1/webhooks"
_S, _U = f"{_C}/(texts|qnas|websites)", f"{_C}/uploads"
ROUTES: "list[tuple[str, str, Handler]]" = [
    ("POST", _U, create_upload),
    ("GET", f"{_U}/([^/]+)", get_upload),
    ("PUT", f"{_U}/([^/]+)/parts/([0-9]+)", put_part),
    ("POST", f"{_U}/([^/]+)/complete", complete_upload),
    ("DELETE", f"{_U}/([^/]+)", delete_upload),
    ("POST", _S, add_source),
    ("GET", _S, list_sources),
    ("GET", f"{_S}/([^/]+)", get_source),
    ("PATCH", f"{_S}/([^/]+)", change_source),
    ("DELETE", f"{_S}/([^/]+)", delete_source),
    ("POST", f"{_C}/websites/([^/]+)/refresh", refresh),
    ("POST", _W, create_webhook),
    ("GET", _W, list_webhooks),
    ("GET", f"{_W}/([^/]+)", get_webhook),
    ("PATCH", f"{_W}/([^/]+)", change_webhook),
    ("DELETE", f"{_W}/([^/]+)", delete_webhook),
    ("POST", f"{_W}/([^/]+)/rotate", rotate_webhook),
    ("GET", f"{_W}/([^/]+)/deliveries", list_deliveries),
    ("POST", f"{_W}/([^/]+)/deliveries/([^/]+)/replay", replay),
]
