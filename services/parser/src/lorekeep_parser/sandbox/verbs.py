"""Tags verbs by rule, for `unstructured` where no spaCy model is installed.

It asks one question only: does a passage hold a verb, and so may be prose rather than a title? A list of the commonest
verbs and of verb endings answers as well as the model does on ordinary documents.
"""

from typing import Any

_COMMON_WORDS = (
    "am is are was were be been being has have had having do does did doing will would shall should can could may "
    "might must ought say says said get gets got make makes made go goes went know knows knew take takes took see "
    "sees saw come comes came think thinks thought look looks want wants give gives gave use uses find finds found "
    "tell tells told ask asks work works seem seems feel feels felt try tries leave leaves left call calls need needs "
    "become becomes became put puts mean means meant keep keeps kept let lets begin begins began show shows shown "
    "hear heard run runs ran move moves live lives believe bring brings brought happen write writes wrote written "
    "provide provides sit sat stand stood lose lost pay paid meet met include includes continue set sets learn lead "
    "understand watch follow follows stop create creates speak read reads allow allows add adds spend grow open walk "
    "win offer remember love consider appear buy wait serve die send sends sent expect build stay fall cut reach kill "
    "remain remains suggest raise pass sell require requires report decide pull contains contain"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_ENDINGS = ("ed", "ing", "ize", "ise", "izes", "ises", "ify", "ifies")
_SHORTEST_WITH_ENDING = 5


def tag(doc: Any) -> Any:
    """A spaCy component: sets `tag_` of every token."""
    for token in doc:
        token.tag_ = "VB" if _is_verb(token.lower_) else "NN"
    return doc


def _is_verb(word: str) -> bool:
    return word in _COMMON or (len(word) >= _SHORTEST_WITH_ENDING and word.endswith(_ENDINGS))
