"""Which port everything gets: the table's by default, free ones for a copy beside it, the same at every start."""

import random
import socket
from collections.abc import Iterator, Mapping

from lorekeep_chassis import ports
from lorekeep_chassis.suite.children import StartFailed

# Below the range from which the kernel gives ports to outgoing connections.
_FREE_PORTS = range(20000, 30000)
HTTP = "gateway.http"


def slots(replicas: Mapping[str, int]) -> dict[str, int]:
    """What needs a port, as `PROCESS.http|grpc|metrics`, with the table's port; 0 for replicas beyond the first."""
    wanted = {HTTP: ports.PUBLIC_HTTP_PORT}
    for role in ports.ROLES:
        for number in range(1, replicas[role.name] + 1):
            name = replica(role.name, number)
            if role.grpc_port:
                wanted[f"{name}.grpc"] = role.grpc_port if number == 1 else 0
            wanted[f"{name}.metrics"] = role.metrics_port if number == 1 else 0
    return wanted


def replica(role: str, number: int) -> str:
    """The name of a role's process: `embedder`, `embedder-2`, ..."""
    return role if number == 1 else f"{role}-{number}"


def choose(wanted: Mapping[str, int], public_port: int, kept: Mapping[str, int]) -> dict[str, int]:
    """A free port for each slot. StartFailed names the port that is in use and the variable that moves it.

    On the default public port the table's ports are used; on another one, those `kept` from an earlier start where
    they are still free and nobody's default, and free ones otherwise.
    """
    table = set(wanted.values())
    by_default = public_port == ports.PUBLIC_HTTP_PORT
    chosen = {HTTP: public_port}
    for slot, default in wanted.items():
        if slot == HTTP:
            continue
        earlier = kept.get(slot, 0)
        if by_default and default:
            chosen[slot] = default
        elif earlier and earlier not in table and earlier not in chosen.values() and is_free(earlier):
            chosen[slot] = earlier
        else:
            chosen[slot] = next(each for each in _candidates() if each not in chosen.values() and is_free(each))
    _refuse_taken(chosen)
    return chosen


def is_free(port: int) -> bool:
    """Whether a listener may be opened on the loopback address."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _candidates() -> Iterator[int]:
    first = random.randrange(len(_FREE_PORTS))  # noqa: S311 - only to keep copies apart
    return iter([*_FREE_PORTS[first:], *_FREE_PORTS[:first]])


def _refuse_taken(chosen: Mapping[str, int]) -> None:
    taken = {slot: port for slot, port in chosen.items() if not is_free(port)}
    if HTTP in taken:
        raise StartFailed(f"Port {taken[HTTP]} is in use. Set LOREKEEP_PORT to another port, or free this one.")
    if taken:
        names = ", ".join(f"{port} ({slot.replace('.', ' ')})" for slot, port in taken.items())
        raise StartFailed(
            f"In use: {names}. Set LOREKEEP_PORT to another port than {ports.PUBLIC_HTTP_PORT}, then these move to "
            "free ones, or free them."
        )
