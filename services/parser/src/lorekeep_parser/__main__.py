"""`python -m lorekeep_parser`: the parser role."""

from lorekeep_chassis import process
from lorekeep_parser import VERSION, service
from lorekeep_parser.settings import ParserSettings

if __name__ == "__main__":
    process.run("parser", VERSION, ParserSettings, service.serve)
