"""Logs: one JSON object a line on stdout, with the trace, the request and the organisation. Never document text.

What a record carries beside its message is given as `extra={"lorekeep": {...}}`.
"""

import json
import logging
import signal
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from opentelemetry import trace

from lorekeep_chassis import calls

REQUEST_ID: ContextVar[str] = ContextVar("lorekeep_request_id", default="")
_LOREKEEP = "lorekeep"


def set_up(service: str, version: str, level: str, form: str) -> None:
    """Sends all logs to stdout; lorekeep's at `level`, libraries' at WARNING. SIGUSR1 turns DEBUG on and off."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines(service, version) if form == "json" else _Text())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    own = logging.getLogger(_LOREKEEP)
    own.setLevel(level)
    signal.signal(signal.SIGUSR1, lambda *_: own.setLevel(level if own.level == logging.DEBUG else "DEBUG"))


def logger(name: str) -> logging.Logger:
    """The logger of a module, below `lorekeep`."""
    return logging.getLogger(f"{_LOREKEEP}.{name.removeprefix('lorekeep_')}")


def _facts() -> dict[str, str]:
    span = trace.get_current_span().get_span_context()
    context = calls.current_or_none()
    facts = {"request_id": REQUEST_ID.get()}
    if span.is_valid:
        facts |= {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
    if context:
        facts |= {"organisation": context.organisation_id, "collection": context.collection_id}
    return {key: value for key, value in facts.items() if value}


class _JsonLines(logging.Formatter):
    def __init__(self, service: str, version: str) -> None:
        super().__init__()
        self._constant = {"service": service, "version": version}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._constant,
            **_facts(),
            **getattr(record, _LOREKEEP, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = {**_facts(), **getattr(record, _LOREKEEP, {})}
        tail = " ".join(f"{key}={value}" for key, value in extra.items())
        text = f"{datetime.fromtimestamp(record.created):%H:%M:%S} {record.levelname:7} {record.getMessage()} {tail}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text
