"""Health, without a key: liveness touches no dependency, readiness asks each of them."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from lorekeep_gateway import components
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas import health as shapes

router = APIRouter(tags=["health"])
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": shapes.Readiness, "description": "Not ready; each component says how it is."}
}


@router.get("/health", summary="The process answers")
@router.get("/up", summary="Alias of /health")
@router.get("/api/health", summary="Alias of /health")
@router.get("/api/health/healthz", summary="Alias of /health")
async def health(request: Request) -> shapes.Health:
    """Answers without asking any dependency."""
    return shapes.Health(status="healthy", version=request.app.version, timestamp=datetime.now(UTC))


@router.get("/health/live", summary="The process turns")
async def live() -> shapes.Live:
    """Answers as long as the event loop turns."""
    return shapes.Live(status="alive")


@router.get("/health/ready", responses=_NOT_READY, summary="Work can be done")
@router.get("/api/health/readyz", responses=_NOT_READY, summary="Alias of /health/ready")
async def ready(request: Request, response: Response) -> shapes.Readiness:
    """Every component, asked in parallel and under two seconds."""
    return await _readiness(request, response, None)


@router.get("/api/health/search-api", responses=_NOT_READY, summary="Parser, embedder and search answer")
async def services(request: Request, response: Response) -> shapes.Readiness:
    """How the gateway sees the services that it depends on."""
    return await _readiness(request, response, components.SERVICES)


async def _readiness(request: Request, response: Response, only: tuple[str, ...] | None) -> shapes.Readiness:
    states = await parts_of(request).components.states()
    shown = {name: shapes.ComponentState(**state) for name, state in states.items() if only is None or name in only}
    failed = any(each.status == "failed" for each in shown.values())
    response.status_code = 503 if failed else 200
    degraded = any(each.status == "degraded" for each in shown.values())
    return shapes.Readiness(status="not_ready" if failed else "ready", degraded=degraded, components=shown)
