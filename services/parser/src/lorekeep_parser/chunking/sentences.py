"""Where sentences and lines end, in any script."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

# Marks that end a sentence whatever follows: Chinese and Japanese, Arabic and Urdu, Indic, Ethiopic, Khmer, Burmese,
# Tibetan, Armenian.
_ALWAYS = "。！？｡؟۔।॥።፧។៕။།։"
_CLOSERS = "\"'”’»)\\]”’」』）】》〉"
# Possessive and anchored at the first of a run, so that no text makes them slow.
_END = re.compile(rf"(?<![.!?…])[.!?…]++[{_CLOSERS}]*+\s++|[{_ALWAYS}]++[{_CLOSERS}]*+|\n\s*+")
_LINE = re.compile(r"\n")
_WORD_BEFORE = re.compile(r"(\S+)$")
_OPENERS = "(\"'“‘«[„"
_FINISHED = re.compile(rf"[.!?…:;{_ALWAYS}][{_CLOSERS}]*+$")
_LONGEST_CLOSING = 8
# Full stops that end no sentence. Short on purpose: a cut too few only makes a longer piece.
_ABBREVIATION_WORDS = (
    "dr mr mrs ms prof st no nos vs etc fig figs eq eqs cf al approx dept inc ltd co vol pp p art sec ca bzw nr jr sr "
    "gen col lt sgt capt rev hon gov pres sen rep mt ft ave blvd jan feb mar apr jun jul aug sep sept oct nov dec "
    "ed eds chap ph.d bd hrsg str tel mme mlle sra dra pág núm resp ggf evtl vgl abs"
)
_ABBREVIATIONS = frozenset(_ABBREVIATION_WORDS.split())


def of_prose(text: str) -> Iterator[Span]:
    """Sentences as spans without surrounding white space, in order; together they hold every other character.

    A line ends one as well, unless the next goes on in lower case, as lines of a fixed width do.
    """
    start = 0
    for match in _END.finditer(text):
        if _ends(text, match):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, len(text))


def of_lines(text: str) -> Iterator[Span]:
    """Lines as spans; leading white space is kept, since in code and tables it matters."""
    start = 0
    for match in _LINE.finditer(text):
        yield from _trimmed(text, start, match.start(), leading=True)
        start = match.end()
    yield from _trimmed(text, start, len(text), leading=True)


def finished(text: str) -> bool:
    """Whether a text ends where a sentence or a clause does, rather than in the middle of one."""
    return _FINISHED.search(text.rstrip()[-_LONGEST_CLOSING:]) is not None


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a match ends a sentence rather than an abbreviation, an initial or a line of one."""
    mark = match.group()
    if mark[0] in _ALWAYS:
        return True
    if mark[0] == "\n":
        return mark.count("\n") > 1 or not text[match.end() : match.end() + 1].islower()
    if text[match.end() : match.end() + 1].islower():
        return False
    if "\n" in mark or not mark.startswith(".") or mark.startswith(".."):
        return True
    word = _WORD_BEFORE.search(text, max(0, match.start() - 12), match.start())
    return word is None or not _abbreviates(word.group().strip(_OPENERS).lower())


def _abbreviates(word: str) -> bool:
    """`Dr`, an initial, or initials with stops between: `U.S`, `z.B`."""
    if word in _ABBREVIATIONS:
        return True
    return all(len(each) == 1 and each.isalpha() for each in word.split("."))


def _trimmed(text: str, start: int, end: int, leading: bool = False) -> Iterator[Span]:
    piece = text[start:end]
    if not piece.strip():
        return
    begin = start if leading else start + len(piece) - len(piece.lstrip())
    yield begin, start + len(piece.rstrip())
