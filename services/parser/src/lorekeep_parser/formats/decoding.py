"""Bytes to text, once and for all readers: byte order mark, then what the file declares, then UTF-8, then a guess."""

import codecs
import re

from lorekeep_parser.formats import guessing

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^<>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})|<\?xml[^<>]{0,200}?encoding\s*=\s*["']([\w.:-]{2,40})"""
    rb"""|\A[^\n]{0,80}\n?[^\n]{0,80}coding[:=][ \t]*([\w.-]{2,40})|\A\s{0,16}@charset\s+["']([\w.-]{2,40})""",
    re.IGNORECASE,
)
_HEAD_BYTES = 4096
_SAMPLE_BYTES = 256 * 1024
# What writers call by the name of a smaller one, as browsers read it.
_WIDER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
_WESTERN = ("cp1252", "cp1254")
_TAG = re.compile(r"<[^<>]*+>")
# One undecodable character for this many others is a blemish, not another encoding.
_GOOD_FOR_BAD = 20


def decoded(data: bytes, cut: bool = False) -> tuple[str, str]:
    """Text and the encoding it was read by. Bytes that fit none become replacement characters: see the verdict.

    `cut` says that the bytes are a beginning, which may end inside of a character.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _tolerant(data, encoding, cut), encoding
    if wide := guessing.wide(data[:_HEAD_BYTES]):
        return _tolerant(data, wide, cut), wide
    if b"\x1b$" in data[:_SAMPLE_BYTES] and (text := _read(data, "iso2022_jp_2", cut)) is not None:
        return text, "iso2022_jp_2"
    utf8 = _read(data, "utf-8", cut)
    declared = _declared(data[:_HEAD_BYTES])
    if utf8 is not None and (declared is None or not utf8.isascii()):
        # No text of another encoding is UTF-8 by chance.
        return utf8, "utf-8"
    if declared and (text := _by_declaration(data, declared, cut)) is not None:
        return text, declared
    return (utf8, "utf-8") if utf8 is not None else _guessed(data, cut)


def _guessed(data: bytes, cut: bool) -> tuple[str, str]:
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    if foreign - bad > _GOOD_FOR_BAD * bad:
        return text, "utf-8"
    for encoding in guessing.guesses(data[:_SAMPLE_BYTES]):
        found = _read(data, encoding, cut) or _tolerant(data, encoding, cut)
        if not found.count("\ufffd") or _few_bad(found):
            return found, encoding
    return text, "utf-8"


def _by_declaration(data: bytes, encoding: str, cut: bool) -> str | None:
    """The text by what the file declares; None where that cannot be true."""
    text = _read(data, encoding, cut)
    if text is None:
        text = _tolerant(data, encoding, cut)
        return text if encoding not in _WESTERN and _few_bad(text) else None
    sample = data[:_SAMPLE_BYTES]
    if encoding in _WESTERN and (_is_mojibake(text[:_SAMPLE_BYTES]) or guessing.misread(sample, encoding)):
        return None
    return text


def _is_mojibake(text: str) -> bool:
    """Western text is mostly letters without accents; what is read wrongly has more of the others."""
    text = _TAG.sub("", text)
    plain = sum(each.isascii() and each.isalpha() for each in text)
    return sum(not each.isascii() for each in text) > max(8, plain)


def _few_bad(text: str) -> bool:
    bad = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", "ignore")) - bad > _GOOD_FOR_BAD * bad


def _read(data: bytes, encoding: str, cut: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=not cut)
    except (UnicodeError, LookupError):
        return None


def _tolerant(data: bytes, encoding: str, cut: bool) -> str:
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(data, final=not cut)


def _declared(head: bytes) -> str | None:
    match = _DECLARED.search(head)
    if match is None:
        return None
    name = next(each for each in match.groups() if each).decode("ascii", errors="replace").lower()
    codec = _codec(name) or _codec(name.removeprefix("x-"))
    # Declared in readable ASCII, so it cannot be true of a two-byte encoding; and only text encodings will do.
    if codec is None or codec.name.startswith(("utf-16", "utf-32", "utf-7")) or not codec._is_text_encoding:
        return None
    return _WIDER.get(codec.name, codec.name)


def _codec(name: str) -> codecs.CodecInfo | None:
    try:
        return codecs.lookup(name)
    except (LookupError, ValueError):
        return None
