"""The commands as an operator runs them."""

import os
import stat
import subprocess
import sys
from pathlib import Path


def _run(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {"LOREKEEP_DATABASE_URL": database_url, "PYTHONPATH": ":".join(sys.path), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "lorekeep_gateway", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_schema_goes_up_and_down(empty_database_url: str) -> None:
    assert _run(empty_database_url, "db", "status").returncode == 1
    assert "applied 0001_house" in _run(empty_database_url, "db", "create").stdout
    assert _run(empty_database_url, "db", "upgrade").stdout == "Nothing to do.\n"
    assert _run(empty_database_url, "db", "status").returncode == 0
    assert "taken back 0003_reading" in _run(empty_database_url, "db", "downgrade", "-1").stdout


def test_the_first_administrator_is_made_once(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "home" / "admin.key"
    first = _run(database_url, "admin", "create", "--organisation", "acme", "--user", "ann", "--key-file", str(path))
    assert first.returncode == 0, first.stderr
    assert path.read_text().startswith("kb_")
    assert path.read_text() not in first.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = _run(database_url, "admin", "create")
    assert (again.returncode, "--force" in again.stderr) == (1, True)
    assert _run(database_url, "admin", "create", "--force", "--no-rate-limits").stdout.startswith("kb_")
    listed = _run(database_url, "admin", "organisation", "list").stdout
    assert ("acme" in listed, "main" in listed) == (True, True)


def test_the_life_of_a_key(database_url: str) -> None:
    _run(database_url, "admin", "create", "--organisation", "acme")
    options = ["--organisation", "acme", "--scope", "search", "--scope", "ingest", "--group", "staff"]
    made = _run(database_url, "admin", "key", "create", "robot", *options, "--expires-days", "30").stdout
    key_id = f"key_{made.split('_')[1]}"
    rotated = _run(database_url, "admin", "key", "rotate", key_id, "--organisation", "acme").stdout
    assert rotated.startswith("kb_")
    assert _run(database_url, "admin", "key", "rotate", key_id, "--organisation", "acme").returncode == 1
    new_id = f"key_{rotated.split('_')[1]}"
    assert _run(database_url, "admin", "key", "revoke", new_id, "--organisation", "acme").returncode == 0
    listed = _run(database_url, "admin", "key", "list", "--organisation", "acme").stdout
    states = {line.split()[0]: line.split()[2] for line in listed.splitlines()}
    assert (states[key_id], states[new_id]) == ("replaced", "revoked")
    assert made.strip().rpartition("_")[2] not in listed
    assert _run(database_url, "admin", "key", "create", "x", "--organisation", "nobody").returncode == 1
    assert _run(database_url, "admin", "key", "create", "x", "--organisation", "acme", "--scope", "all").returncode == 1
