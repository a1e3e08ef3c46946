"""Where the service is and with which key: what was given, else the local suite's own files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from lorekeep_sdk.addresses import is_loopback
from lorekeep_sdk.errors import LorekeepError

_FOLDER = ".lorekeep"
_DEFAULT_PORT = "8000"


class NotFindable(LorekeepError):
    """No address or no key can be found; the message says what to do."""


class Connection(NamedTuple):
    """An address, and the key for it ("" where the service asks for none)."""

    url: str
    key: str


def find(url: str, key: str, environ: Mapping[str, str], folder: Path) -> Connection:
    """The address and key to use: `url` and `key` where given, else those of the suite around `folder`.

    The suite's own key is only ever sent to this machine, and only an address on this machine is believed from a file
    that was found by walking up the folders.
    """
    home = find_home(environ, folder)
    address = _checked(url) if url else _address_of(home, environ)
    if key or environ.get("LOREKEEP_AUTH") == "off":
        return Connection(address, key)
    if not is_loopback(address):
        raise NotFindable(f"No key for {address}. Give --key or set LOREKEEP_API_KEY.")
    return Connection(address, _key_of(home))


def find_home(environ: Mapping[str, str], folder: Path) -> Path | None:
    """LOREKEEP_HOME, else the nearest `.lorekeep` in `folder` or above; None where there is none."""
    named = environ.get("LOREKEEP_HOME")
    if named:
        return folder / named
    return next((each / _FOLDER for each in (folder, *folder.parents) if (each / _FOLDER).is_dir()), None)


def _address_of(home: Path | None, environ: Mapping[str, str]) -> str:
    url = _written_address(home / "suite.json") if home else ""
    return url or f"http://127.0.0.1:{environ.get('LOREKEEP_PORT') or _DEFAULT_PORT}"


def _written_address(file: Path) -> str:
    """The address that the suite wrote; "" where it has not written one yet."""
    try:
        url = json.loads(file.read_text("utf-8"))["url"]
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        raise NotFindable(f"{file} cannot be read. Run `make up` to write it anew, or give --url.") from None
    if url and not is_loopback(str(url)):
        raise NotFindable(f"{file} names another machine, {url}. If that is meant, give --url {url}.")
    return _checked(str(url)) if url else ""


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken IPv6 address or port
        usable = False
    if not usable:
        raise NotFindable(f"{url!r} is no address. Give one such as http://127.0.0.1:8000.")
    return url.rstrip("/")


def _key_of(home: Path | None) -> str:
    if home is None:
        raise NotFindable(
            "No local suite here: no .lorekeep folder in this folder or above. "
            "Start one with `make up`, or give --url and --key."
        )
    try:
        key = (home / "admin.key").read_text("utf-8").strip()
    except FileNotFoundError:
        raise NotFindable(f"No key in {home}. Start the suite with `make up`, or give --key.") from None
    except (OSError, ValueError):
        raise NotFindable(f"{home / 'admin.key'} cannot be read. Give --key or set LOREKEEP_API_KEY.") from None
    if not key:
        raise NotFindable(f"{home / 'admin.key'} is empty. Run `make up` again, or give --key.")
    return key
