"""Who calls, told from an API key, and whether they may.

A route declares its scopes with `Depends(caller("search"))`; a key with one of them may call it.
"""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request

from lorekeep_chassis import calls, errors
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.keys import SCOPES, ApiKey, Principal
from lorekeep_gateway.settings import is_loopback

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
_REFUSED = "A valid API key is required. Send it as `Authorization: Bearer kb_...` or `X-API-Key`."


class Caller:
    """A dependency that gives the Principal of a request, in whose name everything inside runs. `header` is one more
    that may bring the key."""

    def __init__(self, *scopes: str, header: str = "") -> None:
        if not scopes or set(scopes) - set(SCOPES):
            raise ValueError(f"a route declares some of {SCOPES}")
        self.scopes = frozenset(scopes)
        self.header = header

    async def __call__(self, request: Request) -> AsyncIterator[Principal]:
        parts = parts_of(request)
        keyed = parts.settings.auth == "on"
        principal = await (_of_key(request, parts, self.header) if keyed else _of_this_machine(request, parts))
        if not principal.may(self.scopes):
            wanted = " or ".join(sorted(self.scopes))
            raise errors.PermissionDenied(f"The key lacks the scope {wanted}. Use one that has it.", reason="scope")
        with calls.calling_as(principal.calling()):
            yield principal


def caller(*scopes: str, header: str = "") -> Caller:
    """Asks for a key with one of `scopes`; see Caller."""
    return Caller(*scopes, header=header)


def scopes_of(dependant: Any) -> frozenset[str] | None:
    """The scopes that a route declares, itself or by what it depends on; None where it declares none."""
    found = caller_of(dependant)
    return found.scopes if found else None


def caller_of(dependant: Any) -> Caller | None:
    """Whom a route asks for, itself or by what it depends on; None where it asks for nobody."""
    for each in dependant.dependencies:
        found = each.call if isinstance(each.call, Caller) else caller_of(each)
        if found is not None:
            return found
    return None


async def _of_key(request: Request, parts: Parts, header: str) -> Principal:
    key = ApiKey.of_text(_given(request, header))
    if key is None:
        raise errors.Unauthenticated(_REFUSED)
    async with parts.database.session() as session:
        row = await session("key_to_verify", id=key.id)
        proven = key.proves(row["secret_sha256"] if row else None)
        if row is None or not proven or row["expired"] or row["revoked"]:
            raise errors.Unauthenticated(_REFUSED)
        if row["use_is_old"]:
            await session("key_used", organisation_id=row["organisation_id"], id=key.id)
    bound = row["collection_ids"]
    return Principal(
        row["organisation_id"],
        row["workspace_id"],
        key.id,
        row["owner_id"],
        tuple(row["groups"]),
        frozenset(row["scopes"]),
        None if bound is None else tuple(bound),
        _address(request),
    )


def _given(request: Request, header: str) -> str:
    """The key as it was sent; several ways at once must agree."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    bearer = bearer.strip() if scheme.lower() == "bearer" else ""
    ways = [bearer, request.headers.get("x-api-key", ""), request.headers.get(header, "") if header else ""]
    found = {each for each in ways if each}
    return found.pop() if len(found) == 1 else ""


async def _of_this_machine(request: Request, parts: Parts) -> Principal:
    """Without keys: callers of this machine alone, as the first organisation; not by way of a proxy or a web page."""
    origin = request.headers.get("origin", "")
    here = (_address(request), request.url.hostname or "", _host_of(origin) or "localhost")
    if any(name in request.headers for name in _FORWARDED) or not all(is_loopback(each) for each in here):
        raise errors.PermissionDenied(
            "Keys are switched off, so only callers on this machine are served, and not through a proxy. "
            "Switch them on with LOREKEEP_AUTH=on.",
            reason="auth_off",
        )
    async with parts.database.session() as session:
        home = await session("organisation_first")
    if home is None:
        raise errors.Unavailable("There is no organisation yet. Make one with `lorekeep admin create`.")
    everything = frozenset(SCOPES)
    return Principal(
        home["organisation_id"], home["workspace_id"], "auth_off", "", (), everything, None, _address(request)
    )


def _address(request: Request) -> str:
    """The other end of the connection; what a header says of it is nobody's word."""
    return request.client.host if request.client else ""


def _host_of(origin: str) -> str:
    return origin.partition("://")[2].rpartition(":")[0] or origin.partition("://")[2]
