"""Languages as callers write them, as tesseract calls its data."""

import re
import subprocess
from collections.abc import Sequence
from functools import cache

# ISO 639-1 and the script where it decides -> tesseract's name.
_TABLE = """
af afr, am amh, ar ara, az aze, be bel, bg bul, bn ben, bs bos, ca cat, cs ces, cy cym, da dan,
de deu, el ell, en eng, eo epo, es spa, et est, eu eus, fa fas, fi fin, fr fra, ga gle, gl glg,
gu guj, he heb, hi hin, hr hrv, hu hun, hy hye, id ind, is isl, it ita, ja jpn, ka kat, kk kaz,
km khm, kn kan, ko kor, la lat, lt lit, lv lav, mk mkd, ml mal, mn mon, mr mar, ms msa, mt mlt,
my mya, nb nor, ne nep, nl nld, nn nor, no nor, pa pan, pl pol, pt por, ro ron, ru rus, si sin,
sk slk, sl slv, sq sqi, sr srp, sv swe, sw swa, ta tam, te tel, th tha, tl tgl, tr tur, uk ukr,
ur urd, uz uzb, vi vie, yi yid, zh chi_sim, zh_cn chi_sim, zh_hans chi_sim, zh_hk chi_tra,
zh_hant chi_tra, zh_tw chi_tra
"""
_NAMES = dict(each.split() for each in _TABLE.split(","))
# What may stand in a command: nothing that tesseract could take for an option or a path.
_NAME = re.compile(r"[a-z]{2,3}(_[a-z]+)?")
_MAX_LANGUAGES = 8
_DEFAULT = "eng"


@cache
def installed() -> frozenset[str]:
    """Names of the data that tesseract finds; `osd` among them is for orientation."""
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S607
    return frozenset(listed.stdout.split())


def chosen(wanted: Sequence[str], there: frozenset[str]) -> tuple[str, list[str]]:
    """Of the wanted languages those that are there, as tesseract takes them; English where none is. With warnings."""
    names: list[str] = []
    warnings = []
    for each in wanted[:_MAX_LANGUAGES]:
        code = each.strip().lower().replace("-", "_")
        name = _NAMES.get(code, code)
        if _NAME.fullmatch(name) and name in there and name != "osd":
            names.append(name)
        else:
            shown = re.sub(r"[^\w-]", "?", each[:16])
            warnings.append(f"ocr_language_missing: tesseract has no data for the language '{shown}' here")
    return "+".join(dict.fromkeys(names)) or _DEFAULT, warnings
