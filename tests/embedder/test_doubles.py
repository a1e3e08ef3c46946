"""The fake backend keeps the contract of the real ones, which `test_conformance` holds to the same."""

from lorekeep_embedder.backends.seam import Tokens
from tests.embedder.contract import assert_kept
from tests.embedder.doubles import RememberingBackend


def test_the_fake_backend_keeps_the_contract() -> None:
    assert_kept(RememberingBackend(), [Tokens([number, *[7] * number]) for number in range(9)])
