"""Another gateway process over the same stores."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from tests.gateway.suite import Suite


async def started(suite: Suite, listen_fd: int, **changes: Any) -> "subprocess.Popen[str]":
    """A second gateway on a listening socket, the suite's own or another."""
    settings = json.loads(suite.settings.model_dump_json(exclude={"database_direct_url", "redis_url"}))
    tokens = {name: suite.settings.search_token.get_secret_value() for name in settings if name.endswith("_token")}
    settings |= {**tokens, "database_url": suite.database_url, "metrics_port": 0, "log_format": "text"}
    settings["access_log"] = False  # nobody reads the pipe once the process has started; a full one would hold it up
    settings |= {"listen_fd": listen_fd, **changes}
    environment = {f"LOREKEEP_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        [sys.executable, "-m", "lorekeep_gateway", "serve"],
        env={**environment, "PYTHONPATH": ":".join(sys.path)},
        pass_fds=[listen_fd],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "started" not in await asyncio.to_thread(process.stdout.readline):
        assert process.poll() is None
    return process


@asynccontextmanager
async def elsewhere(suite: Suite, **changes: Any) -> AsyncIterator[tuple["subprocess.Popen[str]", httpx.AsyncClient]]:
    """A second gateway on a port of its own, and a caller of it with the suite's key."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    process = await started(suite, listener.fileno(), **changes)
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    headers = {"Authorization": f"Bearer {suite.key}"}
    try:
        async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as http:
            yield process, http
    finally:
        process.kill()
        process.wait()
        listener.close()
