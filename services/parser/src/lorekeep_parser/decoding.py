"""Bytes to text, once and for all readers: byte order mark, then what the file declares, then UTF-8, then a guess."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{2,40})""",
    re.IGNORECASE,
)
_HEAD_BYTES = 4096
_SAMPLE_BYTES = 256 * 1024
_EAST_ASIAN = ("cp932", "euc_jp", "gb18030", "big5", "euc_kr")
_CJK_OR_KANA = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
# Rare in text, common in a wrong guess: half-width kana, private use, box drawing, C1 controls, compatibility forms.
_ODD = re.compile("[\uff61-\uff9f\ue000-\uf8ff\u2500-\u259f\x80-\x9f\ufffd\u3400-\u4dbf]")
_COMMON_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fc]")


def decoded(data: bytes) -> tuple[str, str]:
    """Text and the encoding it was read by. Bytes that fit none become replacement characters: see the verdict."""
    for encoding in _candidates(data):
        try:
            return data.decode(encoding), encoding
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("utf-8", errors="replace"), "utf-8"


def _candidates(data: bytes) -> list[str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return [encoding]
    declared = [] if (name := _declared(data[:_HEAD_BYTES])) is None else [name]
    wide = _wide(data[:_HEAD_BYTES])
    if wide:
        return [wide]
    candidates = [*declared, "utf-8"]
    if _decodes(data, "utf-8"):
        return candidates
    return [*candidates, *_guesses(data[:_SAMPLE_BYTES])]


def _declared(head: bytes) -> str | None:
    match = _DECLARED.search(head)
    if match is None:
        return None
    name = (match.group(1) or match.group(2)).decode("ascii", errors="replace")
    try:
        codec = codecs.lookup(name)
    except LookupError:
        return None
    # Declared in readable ASCII, so it cannot be true of a two-byte encoding; and only text encodings will do.
    return None if codec.name.startswith(("utf-16", "utf-32")) or not codec._is_text_encoding else codec.name


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark shows by its zero bytes, all on one side."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half < 2:
        return None
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _guesses(sample: bytes) -> list[str]:
    """East Asian encodings that fit well, then what charset-normalizer says, then Western Europe's."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_exclusion=["utf_7"]).best()
    guessed = [best.encoding] if best is not None else []
    return [*_east_asian(sample), *guessed, "cp1252", "latin-1"]


def _east_asian(sample: bytes) -> list[str]:
    """Those whose reading is mostly ideographs, kana or hangul and hardly anything odd, the best first.

    Short samples mislead charset-normalizer, and tables are short samples.
    """
    scored = [(score, name) for name in _EAST_ASIAN if (score := _plausibility(sample, name)) > 0.6]
    return [name for _, name in sorted(scored, reverse=True)]


def _plausibility(sample: bytes, encoding: str) -> float:
    # A sample may end inside a character, so its last bytes are forgiven.
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample)
    foreign = [each for each in text if ord(each) > 127]
    if not foreign or "\ufffd" in text:
        return 0.0
    joined = "".join(foreign)
    expected = len(_CJK_OR_KANA.findall(joined)) + 0.5 * len(_COMMON_KANA.findall(joined))
    return (expected - 2 * len(_ODD.findall(joined))) / len(foreign)
