"""The lexical leg's words: text in, sparse vector out, the same on every engine.

Words are split by Unicode after NFKC and case folding; those of Latin letters are stemmed (Snowball, English), and
scripts that put no spaces between words go in as pairs of characters. A term is 32 bits of BLAKE2b of its word. A
passage's weights are BM25's term-frequency part, a query's are 1; the engine multiplies in the inverse document
frequency of the corpus that the search names.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import Stemmer

_K1 = 1.2
_B = 0.75
# Words of an average passage. A constant, since a true average would change old weights with every new passage; half
# or twice as much moves nDCG@10 by 0.01 at the most, and so do stop words, which are kept.
_AVERAGE_WORDS = 128
_CACHED_WORDS = 32_768

_STEMMER = Stemmer.Stemmer("english", 0)
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"  # Jamo, kana
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"  # Han, Hangul
)
_MARKS = "".join(
    each
    for each in map(chr, range(0x300, 0xFFFF))
    if unicodedata.category(each) in ("Mn", "Mc") and not re.match(f"[{_SPACELESS}]", each)
)
_LETTERS = f"[^\\W_{_SPACELESS}]"
_RUN = re.compile(f"([{_SPACELESS}]+)|({_LETTERS}+(?:[{re.escape(_MARKS)}]+{_LETTERS}*)*)")
_ASCII_WORD = re.compile("[a-z0-9]+")
_LATIN = re.compile("[a-z\u00df-\u024f]+")


class Terms(NamedTuple):
    """A sparse vector: terms, each once and in order, and their weights."""

    indices: list[int]
    values: list[float]


def of_passage(texts: Sequence[str]) -> Terms:
    """The terms of a passage, given as its texts: name, headings, context, the passage itself."""
    counts: Counter[int] = Counter()
    length = 0
    for text in texts:
        words, singles = _words(text)
        counts.update(map(_term, words))
        counts.update(map(_term, singles))
        length += len(words)
    norm = _K1 * (1 - _B + _B * length / _AVERAGE_WORDS)
    indices = sorted(counts)
    return Terms(indices, [counts[each] * (_K1 + 1) / (counts[each] + norm) for each in indices])


def of_query(text: str) -> Terms:
    """The terms of a query, each of weight 1; a character on its own counts only where it stands alone."""
    indices = sorted(set(map(_term, _words(text)[0])))
    return Terms(indices, [1.0] * len(indices))


def _words(text: str) -> tuple[list[str], list[str]]:
    """Words, and apart from them the characters that some pair among the words holds already."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return _ASCII_WORD.findall(folded), []
    words, singles = [], []
    for characters, word in _RUN.findall(folded):
        if word:
            words.append(word)
        elif len(characters) == 1:
            words.append(characters)
        else:
            singles.extend(characters)
            words.extend(map("".join, pairwise(characters)))
    return words, singles


@lru_cache(_CACHED_WORDS)
def _term(word: str) -> int:
    stem = _STEMMER.stemWord(word) if _LATIN.fullmatch(word) else word
    return int.from_bytes(blake2b(stem.encode(), digest_size=4).digest(), "little")
