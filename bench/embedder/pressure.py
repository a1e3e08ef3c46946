"""Bulk work on a running embedder until it is ended: `python -m bench.embedder.pressure PORT`, at a low priority.

A process of its own, so that what makes the load does not stand in the way of what measures the queries beside it.
"""

import asyncio
import os
import sys

from bench.embedder import clients, loads, workloads
from bench.embedder.workloads import Model
from lorekeep_chassis.calls import Lane

_CALLERS, _ORGANISATIONS, _NICE = 8, 4, 10
_A_DAY = 86_400.0


async def _pressed(port: int) -> None:
    workload = workloads.chunks(Model.default())
    async with clients.over_grpc(port, Lane.BULK, _CALLERS, _ORGANISATIONS) as callers:
        print("{}", flush=True)
        await loads.closed(callers, workload.requests(), _A_DAY)


if __name__ == "__main__":
    os.nice(_NICE)
    asyncio.run(_pressed(int(sys.argv[1])))
