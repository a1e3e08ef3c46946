"""Numbers of a workbook as a person reads them: dates, times, durations, percentages."""

import datetime
import re
from typing import Any

from lorekeep_parser.readers.office.office_packages import attribute, integer, local

_BUILT_IN = {9: "0%", 10: "0.00%", 14: "d", 15: "d", 16: "d", 17: "d", 18: "h", 19: "h", 20: "h", 21: "h", 22: "dh",
             45: "h", 46: "[h]", 47: "h"}  # fmt: skip
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_BRACKETED = re.compile(r"\[(?!h+\]|m+\]|s+\])[^\]]*\]", re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_PERCENT = re.compile(r"(?:\.([0#?]+))?\s*%")
_MAX_FORMATS = 100_000
_MAX_DAYS = 2_958_466  # 9999-12-31
_GENERAL = "general"


class Formats:
    """What each style of a workbook makes of a number."""

    def __init__(self, styles: Any, since_1904: bool) -> None:
        self._kinds = [] if styles is None else _kinds(styles)
        self._epoch = datetime.datetime(1904, 1, 1) if since_1904 else datetime.datetime(1899, 12, 30)

    def shown(self, raw: str, style: str | None) -> str:
        """A number, written as in the XML, in the style of a number."""
        index = integer(style, 0) if style else 0
        kind = self._kinds[index] if index < len(self._kinds) else _GENERAL
        if kind == _GENERAL:
            return plain(raw)
        try:
            return self._styled(float(raw), kind)
        except (ValueError, OverflowError):
            return raw

    def _styled(self, value: float, kind: str) -> str:
        if kind.startswith("%"):
            return f"{value * 100:.{int(kind[1:])}f}%"
        if kind == "elapsed":
            return duration(datetime.timedelta(days=value))
        if not 0 <= value < _MAX_DAYS:
            return plain(str(value))
        if value < 60 and value >= 1 and self._epoch.year == 1899:
            value += 1  # the calendar of these files has a 29th of February 1900
        # Whole seconds: fractions of days carry an error of about a millisecond.
        moment = self._epoch + datetime.timedelta(seconds=round(value * 86_400))
        if kind == "time" and value < 1:
            return moment.time().isoformat()
        return moment_text(moment, kind == "date")


def moment_text(moment: datetime.datetime, date_only: bool = False) -> str:
    """A date, with its time where it has one."""
    if moment.time() == datetime.time() or date_only:
        return moment.date().isoformat()
    return moment.isoformat(sep=" ", timespec="seconds")


def duration(value: datetime.timedelta) -> str:
    """Hours, minutes and seconds: 26:03:00."""
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def plain(raw: str) -> str:
    """A number without the noise of its binary form."""
    raw = raw.strip()
    if len(raw) <= 15 and "E" not in raw and "e" not in raw:
        return raw.removesuffix(".0")
    try:
        value = float(raw)
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    except (ValueError, OverflowError):
        return raw


def _kinds(styles: Any) -> list[str]:
    """The kind of each cell style, in order."""
    codes: dict[int, str] = {}
    kinds: list[str] = []
    for section in styles:
        if local(section) == "numFmts":
            for each in section[:_MAX_FORMATS]:
                codes[integer(each.get("numFmtId"), -1)] = attribute(each, "formatCode")
        elif local(section) == "cellXfs":
            kinds = [_kind(integer(each.get("numFmtId"), 0), codes) for each in section[:_MAX_FORMATS]]
    return kinds


def _kind(number: int, codes: dict[int, str]) -> str:
    """`general`, `date`, `time`, `moment`, `elapsed`, or `%` with its decimals."""
    if number not in codes and (27 <= number <= 36 or 50 <= number <= 58):
        return "date"
    code = codes.get(number, _BUILT_IN.get(number, "")).split(";", 1)[0][:256]
    code = _BRACKETED.sub("", _LITERAL.sub("", code))
    if percent := _PERCENT.search(code):
        return f"%{min(len(percent.group(1) or ''), 9)}"
    if _ELAPSED.search(code):
        return "elapsed"
    lowered = code.lower().replace("general", "").replace("am/pm", "h")
    day, hour = any(each in lowered for each in "dy"), any(each in lowered for each in "hs")
    if day:
        return "moment" if hour else "date"
    return "time" if hour else "date" if "m" in lowered else _GENERAL
