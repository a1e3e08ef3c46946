"""`make test-hostile`: each hostile file against a running parser; a table; exit status 1 where one went wrong."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.hostile import bout
from tests.hostile.cases import CASES
from tests.parser.parser_process import running

_HEAD = ("file", "outcome", "seconds", "peak MiB", "wrong")


async def _all(folder: Path) -> list[bout.Bout]:
    bouts = []
    async with running(folder) as (parser, client):
        await bout.warmed(client)
        print("| " + " | ".join(_HEAD) + " |\n|" + "---|" * len(_HEAD), flush=True)
        for case in CASES:
            bouts.append(await bout.fought(parser, client, case))
            print("| " + " | ".join(bouts[-1].row()) + " |", flush=True)
    return bouts


def main() -> int:
    """Prints a line a file as it ends."""
    with tempfile.TemporaryDirectory(prefix="lk-hostile-") as folder:
        bouts = asyncio.run(_all(Path(folder)))
    wrong = [each for each in bouts if each.wrong]
    print(f"\n{len(bouts)} files, {len(wrong)} wrong; after each of them a normal document was parsed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
