"""The settings by which documents are cut where their collection asks for nothing, by every name that they have."""

import pytest

from lorekeep_chassis.settings import SettingsError, load
from lorekeep_gateway.chunking import Chunking, Defaults
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.settings import GatewaySettings, StoreSettings

_REQUIRED = {
    "DATABASE_URL": "postgresql://x",
    "BLOBS_URL": "file:///tmp/x",
    **{f"LOREKEEP_{role}_TOKEN": "t" for role in ("PARSER", "EMBEDDER", "SEARCH")},
}


def _defaults(role: str = "ingest", **environ: str) -> Defaults:
    kind: type[StoreSettings] = {"ingest": IngestSettings, "gateway": GatewaySettings}[role]
    return Defaults.of_settings(load(kind, role, {**_REQUIRED, **environ}))


@pytest.mark.parametrize("role", ["gateway", "ingest"])
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, (512, 50, 128)),
        ({"CHUNK_SIZE": "300"}, (300, 50, 128)),
        ({"CHUNK_MAX_TOKENS": "300"}, (300, 50, 128)),
        ({"CHUNK_SIZE": "300", "CHUNK_MAX_TOKENS": "2048"}, (300, 50, 128)),
        ({"LOREKEEP_CHUNK_MAX_TOKENS": "200", "CHUNK_SIZE": "300"}, (200, 50, 128)),
        ({"CHUNK_OVERLAP": "0"}, (512, 0, 128)),
        ({"LOREKEEP_CHUNK_OVERLAP_TOKENS": "10"}, (512, 10, 128)),
        ({"CHUNK_MIN_TOKENS": "20"}, (512, 50, 20)),
        ({"CHUNK_MERGE_PEERS": "false"}, (512, 50, 1)),
        ({"CHUNK_MERGE_PEERS": "true", "CHUNK_MIN_TOKENS": "20"}, (512, 50, 20)),
    ],
)
def test_every_name_is_read(role: str, environ: dict[str, str], expected: tuple[int, int, int]) -> None:
    assert _defaults(role, **environ) == Defaults(*expected)


@pytest.mark.parametrize("wrong", [{"CHUNK_SIZE": "15"}, {"CHUNK_SIZE": "2049"}, {"CHUNK_OVERLAP": "-1"}])
def test_what_cannot_be_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="CHUNK"):
        _defaults(**wrong)


@pytest.mark.parametrize("window", [16, 17, 100, 256, 512, 8192, None])
@pytest.mark.parametrize("defaults", [Defaults(512, 50, 128), Defaults(2048, 1023, 2048), Defaults(16, 1023, 1)])
def test_defaults_go_together_in_every_window(window: int | None, defaults: Defaults) -> None:
    cut = defaults.resolved({}, window)
    assert cut.max_tokens == min(defaults.max_tokens, window or defaults.max_tokens)
    assert 0 <= 2 * cut.overlap_tokens < cut.max_tokens
    assert 1 <= cut.min_tokens <= cut.max_tokens
    assert cut == Chunking("by_title", cut.max_tokens, cut.overlap_tokens, cut.min_tokens)
