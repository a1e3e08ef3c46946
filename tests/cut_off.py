"""Network namespaces for tests: a process that has no interface but loopback."""

import fcntl
import os
import socket
import struct
import subprocess

import pytest

_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41


def unshared(*namespaces: str) -> list[str]:
    """The command in front of one that shall run in these namespaces; skips where they are not permitted."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *as_root, *namespaces]
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if tried.returncode:
        pytest.skip(f"namespaces are not permitted here: {tried.stderr.strip()}")
    return command


def raise_loopback() -> None:
    """Makes 127.0.0.1 reachable in a namespace that was just made."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))


def network() -> str:
    """What becomes of a packet to the world."""
    with socket.socket() as handle:
        handle.settimeout(2)
        try:
            handle.connect(("192.0.2.1", 443))
        except OSError as error:
            return type(error).__name__ + f" {error.errno}"
    return "reached"
