"""Health."""

from datetime import datetime

from lorekeep_gateway.http.schemas.shape import Shape


class Health(Shape):
    """The process answers."""

    status: str
    version: str
    timestamp: datetime


class Live(Shape):
    """The process turns."""

    status: str


class ComponentState(Shape):
    """One component: ok, degraded or failed."""

    status: str
    detail: str


class Readiness(Shape):
    """`ready` when work can be done; a degraded component does not stand in the way."""

    status: str
    degraded: bool
    components: dict[str, ComponentState]
