"""`python -m lorekeep_chassis.suite VERB`."""

import argparse
import os
from contextlib import suppress

from lorekeep_chassis.suite import verbs
from lorekeep_chassis.suite.home import Home


def main() -> int:
    """Reads the command line and gives the exit status."""
    given = _parser().parse_args()
    home = Home.of(os.environ)
    match given.verb:
        case "up":
            return verbs.up(home, os.environ)
        case "run":
            return verbs.run(home, os.environ)
        case "down":
            return verbs.down(home)
        case "status":
            return verbs.status(home, as_json=given.json)
        case _:
            return verbs.logs(home, given.role, follow=given.follow)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lorekeep-suite", description="lorekeep on one machine, without Docker")
    commands = parser.add_subparsers(dest="verb", required=True)
    commands.add_parser("up", help="start everything, wait until ready")
    commands.add_parser("run", help="start everything in the foreground")
    commands.add_parser("down", help="stop everything, keep the data")
    status = commands.add_parser("status", help="processes, readiness, memory; exit 0 where all are ready")
    status.add_argument("--json", action="store_true", help="as JSON")
    logs = commands.add_parser("logs", help="last lines of the logs")
    logs.add_argument("role", nargs="?", default="", help="one role's, all without it")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    return parser


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        raise SystemExit(main())
