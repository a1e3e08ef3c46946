"""URLs that users give, checked before anything is asked of them.

One parser reads a URL and the same reading is what is connected to, so no two readings can disagree.
"""

import re

import httpx

from lorekeep_chassis import errors

_LONGEST = 2048
_HOST = re.compile(rb"[0-9A-Za-z._:-]+")
_PORTS = {"http": 80, "https": 443}
_FIRST_UNPRIVILEGED = 1024
# Databases, caches and control planes that take commands in lines, or act on what any caller sends.
_REFUSED_PORTS = frozenset({1433, 1521, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5900, 6000, 6379, 6443, 9200, 9300,
                            10250, 10255, 11211, 27017})  # fmt: skip


class InvalidUrl(errors.UnprocessableInput):
    """Not a URL that is fetched or told."""

    default_reason = "url_invalid"


def checked(text: str) -> httpx.URL:
    """A URL without its fragment; InvalidUrl for one that breaks a rule, whatever it names."""
    if len(text) > _LONGEST:
        raise _invalid(f"A URL has at most {_LONGEST} characters.")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise _invalid("This is no URL.") from None
    return _ruled(url)


def followed(url: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads."""
    try:
        return _ruled(url.join(location[: _LONGEST + 1]))
    except (httpx.InvalidURL, ValueError):
        raise _invalid("The page leads on to what is no URL.") from None


def port_of(url: httpx.URL) -> int:
    """The port that a URL names or its scheme stands for."""
    return _PORTS[url.scheme] if url.port is None else url.port


def _ruled(url: httpx.URL) -> httpx.URL:
    if url.scheme not in _PORTS or not _HOST.fullmatch(url.raw_host):
        raise _invalid("A URL begins with http:// or https:// and names a host.")
    if url.userinfo:
        raise _invalid("A URL holds no user name and no password.")
    if not _may_use(port_of(url)):
        raise _invalid("This port is not reached. Take 80, 443, or one from 1024 that is not a database's.")
    if len(str(url)) > _LONGEST:
        raise _invalid(f"A URL has at most {_LONGEST} characters.")
    return url.copy_with(fragment=None)


def _may_use(port: int) -> bool:
    return port in _PORTS.values() or (_FIRST_UNPRIVILEGED <= port <= 65535 and port not in _REFUSED_PORTS)


def _invalid(message: str) -> InvalidUrl:
    return InvalidUrl(message, field="url")
