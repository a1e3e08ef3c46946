"""Small guards around the application: host names, paths, and headers that protect callers."""

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lorekeep_chassis import errors
from lorekeep_gateway.http.errors import response_of

_PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_PROBES = ("/health", "/up", "/api/health")


class Guards:
    """Serves `hosts` alone (probes excepted), no path with NUL, and puts protective headers on every answer.

    While `draining()` every answer closes its connection, so that callers move on.
    """

    def __init__(self, app: ASGIApp, hosts: str, draining: Callable[[], bool]) -> None:
        self._app = app
        self._hosts = frozenset(each.strip().lower() for each in hosts.split(",") if each.strip())
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._protect(message)
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await response_of(refusal)(scope, receive, send_protected)
        else:
            await self._app(scope, receive, send_protected)

    def _refusal(self, scope: Scope) -> errors.LorekeepError | None:
        if "\x00" in scope["path"]:
            return errors.NotFound("There is nothing here.")
        if "*" in self._hosts or scope["path"].startswith(_PROBES):
            return None
        host = _without_port(Headers(scope=scope).get("host", "")).lower()
        if host in self._hosts or any(each.startswith("*.") and host.endswith(each[1:]) for each in self._hosts):
            return None
        return errors.InvalidInput("This host name is not served here.", reason="host_not_allowed")

    def _protect(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in _PROTECTION.items():
            headers.setdefault(name, value)
        if self._draining():
            headers["Connection"] = "close"


def _without_port(host: str) -> str:
    return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
