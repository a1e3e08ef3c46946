"""How documents are read where their format leaves a choice: what a collection asks for, and one document over it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors

STRATEGIES = ("auto", "fast", "ocr_only", "hi_res")
MOST_LANGUAGES = 8
# An ISO 639-1 code, or a name as tesseract has them: `de`, `deu`, `chi_sim`.
LANGUAGE = r"[A-Za-z]{2,8}([_-][A-Za-z]{2,16}){0,2}"
_LANGUAGE = re.compile(LANGUAGE)

Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """What holds: the strategy, languages to recognise characters in, and whether attachments become documents."""

    strategy: str = "auto"
    languages: tuple[str, ...] = ("en",)
    attachments: bool = True

    @classmethod
    def of_asked(cls, *asked: Asked) -> "Reading":
        """What was asked for, the later over the earlier, over the defaults."""
        together = {name: value for each in asked for name, value in each.items() if value is not None}
        if "languages" in together:
            together["languages"] = tuple(together["languages"])
        return cls(**together)

    def start(self, **document: Any) -> parser_pb2.ParseStart:
        """What opens the parser's call for a document."""
        return parser_pb2.ParseStart(
            strategy=f"READ_STRATEGY_{self.strategy.upper()}",
            languages=self.languages,
            attachments=self.attachments,
            **document,
        )


def of_fields(strategy: str | None, languages: str | None) -> dict[str, Any]:
    """What a form's fields ask for: a strategy, and languages by commas. UnprocessableInput where they are wrong."""
    asked: dict[str, Any] = {}
    if strategy is not None:
        if strategy not in STRATEGIES:
            raise errors.UnprocessableInput(f"A strategy is one of {', '.join(STRATEGIES)}.", field="strategy")
        asked["strategy"] = strategy
    if languages is not None:
        named = [each.strip() for each in languages.split(",")]
        if len(named) > MOST_LANGUAGES or not all(map(_LANGUAGE.fullmatch, named)):
            raise errors.UnprocessableInput(
                f"Languages are 1 to {MOST_LANGUAGES} codes by commas, such as de,en.", field="languages"
            )
        asked["languages"] = named
    return asked
