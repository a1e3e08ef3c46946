"""The life of a role as a real process: probes, metrics, SIGTERM, wrong settings; the port table."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

from lorekeep_chassis import ports, probes

ROLE = """
from contextlib import asynccontextmanager
from lorekeep_chassis.process import ServiceSettings, run
@asynccontextmanager
async def serve(settings, life):
    life.health.report({"store": {"status": "ok"}})
    yield
    print("drained", flush=True)
run("parser", "9.9.9", ServiceSettings, serve)
"""


@contextmanager
def _role(**environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    settings = {**os.environ, "LOREKEEP_METRICS_PORT": "0", **environment}
    command = [sys.executable, "-c", ROLE]
    process = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["metrics_port"]
    finally:
        process.kill()
        process.communicate()


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_role_answers_probes_and_metrics_and_drains_at_sigterm() -> None:
    with _role() as (process, port):
        assert json.loads(_get(port, "/health")[1])["version"] == "9.9.9"
        assert _get(port, "/health/live") == (200, '{"status": "alive"}')
        assert json.loads(_get(port, "/health/ready")[1])["status"] == "ready"
        assert "grpc_calls_in_flight" in _get(port, "/metrics")[1]
        assert _get(port, "/other")[0] == 404
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "drained" in output


def test_metrics_can_be_switched_off_and_probes_stay() -> None:
    with _role(PROMETHEUS_ENABLED="false") as (_, port):
        assert _get(port, "/metrics")[0] == 404
        assert _get(port, "/health/live")[0] == 200


def test_a_dead_collector_does_not_keep_a_role_from_ending() -> None:
    with _role(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as (process, _):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=25)
    assert process.returncode == 0


def test_wrong_settings_stop_the_start_with_one_message() -> None:
    settings = {**os.environ, "LOREKEEP_METRICS_PORT": "-1", "LOREKEEP_DRAIN_SECONDS": "soon"}
    ended = subprocess.run([sys.executable, "-c", ROLE], env=settings, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "LOREKEEP_METRICS_PORT" in ended.stderr
    assert "LOREKEEP_DRAIN_SECONDS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_readiness_follows_the_components() -> None:
    health = probes.Health("1")
    assert health.readiness()[0] == 503
    health.report({"redis": {"status": "degraded"}})
    assert health.readiness() == (
        200,
        {"status": "ready", "degraded": True, "components": {"redis": {"status": "degraded"}}},
    )
    health.report({"postgres": {"status": "failed"}, "redis": {"status": "ok"}})
    assert health.readiness()[0] == 503
    health.report({})
    health.drain()
    assert health.readiness()[1]["status"] == "draining"


def test_liveness_fails_once_the_loop_is_dead() -> None:
    health = probes.Health("1")
    assert health.live()[0] == 200
    health._beat = time.monotonic() - 60
    assert health.live() == (503, {"status": "dead"})


def test_no_port_of_the_table_is_taken_twice() -> None:
    taken = Counter(
        port for role in ports.ROLES for port in (role.http_port, role.grpc_port, role.metrics_port) if port
    )
    taken.update(ports.STORES.values())
    assert [port for port, count in taken.items() if count > 1] == []


def test_roles_call_only_roles_that_listen() -> None:
    assert all(ports.role(callee).grpc_port for each in ports.ROLES for callee in each.calls)
