"""Telling a text's language from a bounded sample."""

import pytest
from tests.parser.test_decoding import TEXTS

from lorekeep_parser import verdicts

_LENGTHS = (250, 1000, 4000)
# One sentence of traditional Chinese over and over is not told apart from Korean.
_LANGUAGES = [each for each in TEXTS if each != "tw"]


@pytest.mark.parametrize("length", _LENGTHS)
@pytest.mark.parametrize("language", _LANGUAGES)
def test_languages_are_told(language: str, length: int) -> None:
    sample = (f"{TEXTS[language]} " * length)[:length]
    assert verdicts.language(sample) == language


def test_a_title_page_does_not_decide() -> None:
    page = "Proceedings of the annual meeting, printed for the members of the society. " * 4
    assert verdicts.language(page + f"{TEXTS['de']} " * 40) == "de"


def test_too_little_is_no_language() -> None:
    assert verdicts.language("Well, 1234.") == ""
