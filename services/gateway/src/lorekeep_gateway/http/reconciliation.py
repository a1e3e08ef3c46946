"""The route that compares a collection's records with its index."""

from fastapi import APIRouter, Depends, Request

from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas.reconciliation import Reconciled
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.reconciliation import Reconciliation

router = APIRouter(prefix="/api/v1/collections/{collection}", tags=["collections"])

Manager = Depends(caller("manage"))


@router.post("/reconcile", responses=failures(404), summary="Compare a collection with its index")
async def reconcile(request: Request, collection: CollectionRef, principal: Principal = Manager) -> Reconciled:
    """Removes chunks from the index that no version has, and queues rebuilds of documents that lack some. Also done
    every day by itself."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    comparison = Reconciliation(parts.database, parts.callees, principal.key_id)
    report = await comparison.collection(principal.organisation_id, row["id"])
    if report.jobs_queued:
        await parts.bell.ring(WORK)
    return Reconciled(**vars(report))
