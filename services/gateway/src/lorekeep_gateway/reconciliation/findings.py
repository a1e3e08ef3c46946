"""What a comparison of the stores found: counted for metrics, told in the audit log."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter

from lorekeep_chassis import logs
from lorekeep_gateway.organisations import audit
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
_MOST_NAMED = 20
FINDINGS = Counter("sweeper_findings_total", "Differences between the stores that were found.", ("kind",))


async def tell(
    database: Database, organisation_id: str, kind: str, names: Sequence[str], *, target: str = "", **more: Any
) -> int:
    """Notes findings of a kind, of which `names` says what they are; gives how many. Nothing happens where none are."""
    if not names:
        return 0
    FINDINGS.labels(kind).inc(len(names))
    detail = {"kind": kind, "count": len(names), "names": list(names[:_MOST_NAMED]), **more}
    _LOG.warning("the stores differed", extra={"lorekeep": {"organisation": organisation_id, **detail}})
    async with database.session() as session:
        await audit(session, organisation_id, "sweeper.finding", target, actor="system", detail=detail)
    return len(names)
