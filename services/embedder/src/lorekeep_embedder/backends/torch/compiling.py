"""torch.compile as an option that never stands in the way."""

from collections.abc import Callable
from typing import Any

import torch

from lorekeep_chassis import logs

_LOG = logs.logger(__name__)


def compile_forward(module: Any, compiler: Callable[..., Callable[..., Any]] = torch.compile) -> None:
    """Puts a compiled forward in the module's place, for any shape; compiling begins with its first call."""
    eager = module.forward
    try:
        module.forward = _Forward(eager, compiler(eager, dynamic=True))
    except Exception as error:  # noqa: BLE001 - a compiler fails in many ways, and every one has the same answer
        _log(error)


class _Forward:
    """The compiled function until it fails, the plain one from then on."""

    def __init__(self, eager: Callable[..., Any], compiled: Callable[..., Any]) -> None:
        self._eager = eager
        self._compiled: Callable[..., Any] | None = compiled

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        compiled = self._compiled
        if compiled is None:
            return self._eager(*arguments, **named)
        try:
            return compiled(*arguments, **named)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            _log(error)
            self._compiled = None
        return self._eager(*arguments, **named)


def _log(error: Exception) -> None:
    # The error's text may hold source code and shapes, so its kind must do.
    _LOG.warning("torch.compile failed, going on without", extra={"lorekeep": {"error": type(error).__name__}})
