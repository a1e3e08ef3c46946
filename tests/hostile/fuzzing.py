"""Damaged documents by the hundred against one parser; every outcome must have a type, and the parser must live."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.bout import outcome_of
from tests.hostile.mutation import mutated
from tests.parser import small_files
from tests.parser.parser_process import Client, ParserProcess

# Every way in which reading a document may end. Another reason is a hole.
_OUTCOMES = (
    "ok corrupt encrypted empty_text empty_file unsupported_media too_large too_large_unpacked parser_crashed "
    "parse_timeout converter_missing invalid_input too_many_pages"
)
TYPED = frozenset(_OUTCOMES.split())
SECONDS_A_DOCUMENT = 60.0


@dataclass
class Tally:
    """Outcomes so far; `holes` names the seeds whose outcome has no type, `crashed` those that killed a reader."""

    outcomes: Counter[str] = field(default_factory=Counter)
    holes: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)


def _documents(folder: Path) -> list[tuple[str, bytes]]:
    return [(each.name, each.read_bytes()) for each in sorted(folder.iterdir()) if each.suffix != ".tsv"]


async def fuzz(
    parser: ParserProcess, client: Client, folder: Path, seeds: range, until: float, say: Callable[[str], None]
) -> Tally:
    """Sends a damaged document for each seed until `until` (monotonic seconds); then a whole one."""
    documents = _documents(folder)
    contents, tally = [data for _, data in documents], Tally()
    for seed in seeds:
        if time.monotonic() > until:
            break
        name, data = documents[seed % len(documents)]
        outcome = (await outcome_of(client, mutated(data, contents, seed), name, SECONDS_A_DOCUMENT))[0]
        tally.outcomes[outcome] += 1
        told = f"{name}, seed {seed}: {outcome}"
        if outcome not in TYPED:
            tally.holes.append(told)
            say(told)
        elif outcome == "parser_crashed":
            tally.crashed.append(told)
            say(told)
    if (await client.parse(small_files.book(3), "book.pdf")).verdict.pages_read != 3:
        tally.holes.append("a whole document was not read afterwards")
    return tally
