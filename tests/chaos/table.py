"""The report as a table for people and as JSON for machines."""

import json
from collections import Counter
from pathlib import Path

from tests.chaos.judge import Promise
from tests.chaos.storm import Report


def shown(report: Report) -> str:
    """Promises with checks and violations, then what was done and what was seen."""
    tally, width = report.tally, max(map(len, Promise))
    lines = [f"{'promise':{width}}  checked  violated"]
    for promise in Promise:
        broken = len(tally.violations.get(promise, []))
        lines.append(f"{promise:{width}}  {tally.checks[promise]:7}  {broken:8}")
    lines += ["", *(f"VIOLATED {each}" for each in tally.told())] if tally.violation_count else [""]
    lines += [_row("kills", report.kills), _row("answers to searches", report.answers), _row("ends", report.ends)]
    lines += [_row("what clients met", report.troubles)] if report.troubles else []
    lines.append("  ".join(f"{name} {seconds:.0f} s" for name, seconds in report.seconds.items()))
    lines.append(f"seed {report.seed}: {tally.violation_count} violations")
    return "\n".join(lines)


def write(report: Report, folder: Path) -> Path:
    """Keeps the report in `folder`/SEED.json."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{report.seed}.json"
    file.write_text(json.dumps(_facts(report), indent=1) + "\n")
    return file


def _facts(report: Report) -> dict[str, object]:
    tally = report.tally
    promises = [
        {"promise": each, "checked": tally.checks[each], "violations": tally.violations.get(each, [])}
        for each in Promise
    ]
    counted = {name: dict(getattr(report, name)) for name in ("kills", "answers", "ends", "troubles")}
    return {"seed": report.seed, "promises": promises, **counted, "seconds": report.seconds}


def _row(name: str, counts: Counter[str]) -> str:
    return f"{name} ({sum(counts.values())}): " + ", ".join(f"{key} {count}" for key, count in counts.most_common())
