"""Organisations and their keys, as administrators make them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lorekeep_chassis import errors, tracing
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.keys import SCOPES, ApiKey
from lorekeep_gateway.store.database import Database, Session

_OPERATOR = "operator"


@dataclass(frozen=True)
class Grant:
    """What a key may do: its scopes, the groups it carries, the collections it is bound to (None for all), its end."""

    name: str
    scopes: tuple[str, ...] = SCOPES
    groups: tuple[str, ...] = ()
    collection_ids: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    rate_limited: bool = True

    def __post_init__(self) -> None:
        unknown = set(self.scopes) - set(SCOPES)
        if unknown or not self.scopes:
            raise errors.UnprocessableInput(f"A key's scopes are some of {', '.join(SCOPES)}.", field="scopes")


async def create_first(database: Database, organisation: str, user: str, grant: Grant, *, again: bool) -> ApiKey:
    """The first organisation with its workspace `default`, its administrator and a key.

    AlreadyExists where any organisation exists, unless `again`; then an organisation of that name is used as it is.
    """
    async with database.transaction() as session:
        await session("organisations_hold")
        if await session("organisation_any") and not again:
            raise errors.AlreadyExists("An organisation exists already. Use --force to make another administrator.")
        home = await session("organisation_by_name", name=organisation)
        if home is None:
            await _add(session, organisation)
            home = await session("organisation_by_name", name=organisation)
        user_id = await session("user_add", id=new_id("usr"), name=user, instance_admin=True)
        await session("membership_add", organisation_id=home["organisation_id"], user_id=user_id, role="owner")
        return await _issue(session, home["organisation_id"], home["workspace_id"], user_id, grant)


async def create(database: Database, name: str) -> str:
    """A further organisation with its workspace `default`; gives its id."""
    async with database.transaction() as session:
        if await session("organisation_by_name", name=name):
            raise errors.AlreadyExists(f"An organisation named {name} exists already.", field="name")
        return await _add(session, name)


async def create_key(database: Database, organisation: str, owner: str, grant: Grant) -> ApiKey:
    """A key of an organisation, acting for `owner`, who becomes a member where they are none."""
    async with database.transaction() as session:
        home = await _home(session, organisation)
        user_id = await session("member_by_name", organisation_id=home["organisation_id"], name=owner)
        if user_id is None:
            user_id = await session("user_add", id=new_id("usr"), name=owner, instance_admin=False)
            await session("membership_add", organisation_id=home["organisation_id"], user_id=user_id, role="editor")
        return await _issue(session, home["organisation_id"], home["workspace_id"], user_id, grant)


async def list_keys(database: Database, organisation: str) -> Sequence[dict[str, object]]:
    """An organisation's keys, oldest first, without their secrets."""
    async with database.session() as session:
        home = await _home(session, organisation)
        return [dict(row) for row in await session("keys_listed", organisation_id=home["organisation_id"])]


async def revoke_key(database: Database, organisation: str, key_id: str) -> None:
    """Ends a key at once."""
    async with database.transaction() as session:
        home = await _home(session, organisation)
        if not await session("key_revoke", organisation_id=home["organisation_id"], id=key_id):
            raise _unknown_key(key_id)
        await audit(session, home["organisation_id"], "key.revoked", key_id)


async def rotate_key(database: Database, organisation: str, key_id: str) -> ApiKey:
    """A new key with the rights of an old one, which ends in 24 hours."""
    async with database.transaction() as session:
        organisation_id = (await _home(session, organisation))["organisation_id"]
        old = await session("key_by_id", organisation_id=organisation_id, id=key_id)
        if old is None or old["revoked_at"] is not None or old["replaced_by"] is not None:
            raise _unknown_key(key_id)
        bound = old["collection_ids"]
        grant = Grant(
            old["name"],
            tuple(old["scopes"]),
            tuple(old["groups"]),
            None if bound is None else tuple(bound),
            old["expires_at"],
            old["rate_limited"],
        )
        key = await _issue(session, organisation_id, old["workspace_id"], old["owner_id"], grant)
        await session("key_replace", organisation_id=organisation_id, id=key_id, replaced_by=key.id)
        await audit(session, organisation_id, "key.rotated", key_id)
        return key


async def list_all(database: Database) -> Sequence[dict[str, object]]:
    """All organisations by name."""
    async with database.session() as session:
        return [dict(row) for row in await session("organisations_listed")]


async def audit(
    session: Session,
    organisation_id: str,
    event: str,
    target: str,
    *,
    actor: str = _OPERATOR,
    address: str = "",
    success: bool = True,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Writes down who (a key's id, `operator` or `system`) did what from where, in the transaction of what was done."""
    await session(
        "audit_add",
        organisation_id=organisation_id,
        event_type=event,
        actor=actor,
        target=target,
        success=success,
        address=address,
        detail=dict(detail or {}),
        trace_id=tracing.trace_id(),
    )


async def _add(session: Session, name: str) -> str:
    organisation_id = new_id("org")
    await session("organisation_add", id=organisation_id, name=name)
    await session("workspace_add", id=new_id("ws"), organisation_id=organisation_id, name="default")
    await audit(session, organisation_id, "organisation.created", organisation_id)
    return organisation_id


async def _home(session: Session, organisation: str) -> dict[str, str]:
    home = await session("organisation_by_name", name=organisation)
    if home is None:
        raise errors.NotFound(f"There is no organisation named {organisation}.")
    return dict(home)


async def _issue(session: Session, organisation_id: str, workspace_id: str, owner_id: str, grant: Grant) -> ApiKey:
    key = ApiKey.new()
    await session(
        "key_add",
        id=key.id,
        organisation_id=organisation_id,
        workspace_id=workspace_id,
        owner_id=owner_id,
        name=grant.name,
        secret_sha256=key.sha256,
        groups=list(grant.groups),
        scopes=list(grant.scopes),
        collection_ids=None if grant.collection_ids is None else list(grant.collection_ids),
        rate_limited=grant.rate_limited,
        expires_at=grant.expires_at,
    )
    await audit(session, organisation_id, "key.created", key.id)
    return key


def _unknown_key(key_id: str) -> errors.NotFound:
    return errors.NotFound(f"There is no key {key_id} that could be changed. List them with `admin key list`.")
