"""Routes of queues and workers."""

from fastapi import APIRouter, Depends, Request

from lorekeep_gateway.http import job_views
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas import jobs as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1", tags=["jobs"])

Reader = Depends(caller("search", "ingest", "manage"))
Administrator = Depends(caller("admin"))


@router.get("/queues", responses=failures(), summary="List queues")
async def queues(request: Request, principal: Principal = Reader) -> shapes.Queues:
    """What waits, runs and lies dead in each queue, of the collections that the key may see."""
    async with parts_of(request).database.session() as session:
        rows = await session("job_queues", **job_views.owner_of(principal))
    return shapes.queues_of([dict(row) for row in rows])


@router.get("/workers", responses=failures(), dependencies=[Administrator], summary="List workers")
async def workers(request: Request) -> shapes.Workers:
    """The worker processes of the whole instance, each with its last heartbeat."""
    async with parts_of(request).database.session() as session:
        rows = await session("job_workers")
    return shapes.Workers(workers=[shapes.WorkerView(**row) for row in rows])
