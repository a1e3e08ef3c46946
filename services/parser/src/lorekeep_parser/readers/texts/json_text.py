"""JSON laid out one value a line without a literal being touched: numbers keep their digits, keys their repeats."""

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"|-?\d[\d.eE+-]*+|true|false|null|NaN|-?Infinity|[{}\[\],:]|[ \t\r\n]++', re.DOTALL
)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?")
_INDENT = 2
# Deeper than this values stay on their line: what is deep would grow to a multiple of its size.
_MAX_DEPTH = 12
_LONG_LINE = 2000
_OPEN, _CLOSE = "{[", "}]"


class NoJson(ValueError):
    """The text is no JSON."""


def laid_out(text: str) -> Iterator[str]:
    """The text as it stands where it has lines, else one value a line, in pieces. NoJson where it is none."""
    if _has_lines(text):
        for _ in _tokens(text):
            pass
        yield readable(text)
        return
    yield from _indented(text)


def records(text: str) -> Iterator[str]:
    """Lines of JSON, each a record."""
    for line in text.splitlines():
        if line.strip():
            yield readable(line)


def readable(text: str) -> str:
    """Escaped letters as letters. What must stay escaped stays."""
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(_letter, text)


def _letter(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 64) : match.start()]
    if (len(before) - len(before.rstrip("\\"))) % 2:
        return match[0]
    first, second = int(match[1], 16), int(match[2], 16) if match[2] else None
    if 0xD800 <= first < 0xDC00 and second is not None and 0xDC00 <= second < 0xE000:
        return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    told = _shown(first) or match[0][:6]
    return told + (match[0][6:] if second is None else _shown(second) or match[0][6:])


def _shown(code: int) -> str:
    """A letter; nothing for controls, signs of JSON's own, and halves of pairs."""
    if code < 0xA0 and not 0x23 <= code < 0x7F:
        return ""
    return "" if code == 0x5C or 0xD800 <= code < 0xE000 else chr(code)


def _has_lines(text: str) -> bool:
    return max(map(len, text.splitlines()), default=0) <= _LONG_LINE and text.count("\n") > 2


def _tokens(text: str) -> Iterator[str]:
    """Tokens in order; NoJson where something is none, or brackets do not match."""
    place, opened = 0, []
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NoJson(f"at {place}")
        token, place = match[0], match.end()
        if token in _OPEN:
            opened.append(token)
        elif token in _CLOSE and (not opened or _OPEN.index(opened.pop()) != _CLOSE.index(token)):
            raise NoJson(f"at {place}")
        if not token.isspace():
            yield token
    if opened:
        raise NoJson("at the end")


def _indented(text: str) -> Iterator[str]:
    """Depth shows as indentation."""
    depth, before = 0, ""
    parts: list[str] = []
    length = 0
    for each in _tokens(text):
        depth -= each in _CLOSE
        empty = before in ("{", "[") and each in _CLOSE
        broken = before in ("{", "[", ",") or each in _CLOSE
        if broken and not empty and depth <= _MAX_DEPTH:
            parts.append("\n" + " " * (_INDENT * depth))
        parts.append(": " if each == ":" else readable(each))
        depth += each in _OPEN
        before = each
        length += len(each)
        if length > 30_000 and each == ",":
            yield "".join(parts)
            parts, length = [], 0
    yield "".join(parts)


def holds(text: str) -> bool:
    """Whether the text is JSON, however deep."""
    try:
        json.loads(text)
    except RecursionError:
        return _walkable(text)
    except ValueError:
        return False
    return True


def _walkable(text: str) -> bool:
    try:
        for _ in _tokens(text):
            pass
    except NoJson:
        return False
    return True


def holds_lines(text: str) -> bool:
    """Whether the first lines are each a record of its own."""
    lines = [each for each in text[:262_144].split("\n")[:20] if each.strip()]
    lines = lines if len(text) <= 262_144 else lines[:-1]
    return len(lines) > 1 and all(each.lstrip()[:1] in ("{", "[") and holds(each) for each in lines)
