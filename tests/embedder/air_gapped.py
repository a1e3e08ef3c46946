"""A program of its own, run in namespaces without a network: starts an embedder over a read-only volume and asks it.

`unshare --net --mount python -m tests.embedder.air_gapped MODELS_PATH` prints what it saw as JSON.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.cut_off import network, raise_loopback
from tests.embedder.processes import embed, running, stub_of


def _read_only(folder: Path) -> bool:
    for arguments in (["--bind", folder, folder], ["-o", "remount,bind,ro", folder]):
        subprocess.run(["mount", *map(str, arguments)], check=True)
    try:
        (folder / "written").touch()
    except OSError:
        return True
    return False


async def _asked(models_path: Path) -> dict[str, object]:
    with running(models_path) as embedder:
        embedder.wait_until_ready()
        async with stub_of(embedder) as stub:
            answer = await embed(stub, ["Nothing leaves this machine."])
        return {
            "ready": embedder.get("/health/ready")[0],
            "dimensions": len(answer.vectors) // 4,
        }


def main() -> None:
    """Cuts itself off, then asks."""
    models_path = Path(sys.argv[1])
    raise_loopback()
    told = {"network": network(), "read_only": _read_only(models_path)}
    print(json.dumps({**told, **asyncio.run(_asked(models_path))}))


if __name__ == "__main__":
    main()
