"""The port table: the one source for processes, images, compose and chart."""

from dataclasses import dataclass

PUBLIC_HTTP_PORT = 8000


@dataclass(frozen=True)
class Role:
    """A kind of process that lorekeep runs.

    `module` is started with `python -m`; `settings` is `module:class` of its settings. `calls` names the roles it
    speaks gRPC to. Ports are defaults; 0 stands for none.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    settings: str
    http_port: int
    grpc_port: int
    metrics_port: int
    calls: tuple[str, ...]


ROLES = (
    Role(
        "gateway",
        "lorekeep_gateway",
        ("serve",),
        "lorekeep_gateway.settings:GatewaySettings",
        PUBLIC_HTTP_PORT,
        0,
        9101,
        ("parser", "embedder", "search"),
    ),
    Role("parser", "lorekeep_parser", (), "lorekeep_parser.settings:ParserSettings", 0, 50051, 9102, ()),
    Role("embedder", "lorekeep_embedder", (), "lorekeep_embedder.settings:EmbedderSettings", 0, 50052, 9103, ()),
    Role("search", "lorekeep_search", (), "lorekeep_search.settings:SearchSettings", 0, 50053, 9104, ("embedder",)),
    Role(
        "ingest",
        "lorekeep_gateway",
        ("ingest",),
        "lorekeep_gateway.ingest.settings:IngestSettings",
        0,
        0,
        9105,
        ("parser", "embedder", "search"),
    ),
)

# Ports of stores and telemetry that the suite talks to, as in the requirements' port map.
STORES = {
    "postgres": 5432,
    "pgbouncer": 6432,
    "redis": 6379,
    "qdrant-http": 6333,
    "qdrant-grpc": 6334,
    "otlp-grpc": 4317,
    "otlp-http": 4318,
    "jaeger-ui": 16686,
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3000,
}


def role(name: str) -> Role:
    """The role of that name; KeyError where there is none."""
    return {each.name: each for each in ROLES}[name]
