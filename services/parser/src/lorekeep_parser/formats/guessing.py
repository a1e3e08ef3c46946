"""Which encoding bytes are probably in, where nothing says so: by how common the letters are that they would make."""

import codecs
import re
import unicodedata
from collections import Counter

_EAST_ASIAN = ("cp932", "euc_jp", "gb18030", "big5hkscs", "cp949")
_CJK_OR_KANA = re.compile("[\u3000-\u303f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]")
# Rare in text, common in a wrong guess: half-width kana, private use, box drawing, C1 controls, compatibility forms.
_ODD = re.compile("[\uff61-\uff9f\ue000-\uf8ff\u2500-\u259f\x80-\x9f\ufffd\u3400-\u4dbf]")
_COMMON = frozenset(
    "的一是不了人我在有他这這中大来來上国國个個到说說们們为為子和你地出道也时時年得就那要下以生会會自着去之过過家学學对對可"
    "她里裏裡后後小么麼心多天而能好都然没沒日于於起还還发發成事只作当當想看文无無开開手十用主行方又如前所本见見经經头頭面公"
    "同三已老从從动動两兩长長、。，「」：；！？（）"
    "이다는을의에가고하지한로도기사를은서인아들니대어나자리그있것수"
) | {chr(each) for each in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FD))}
# Scripts whose texts are mostly letters above ASCII: their encodings, their small letters, the commonest of these.
_SCRIPTS = (
    (("cp1251", "koi8_u", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
     "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєўґ", "оеаинтсрвлкмі"),
    (("cp1253", "iso8859_7"), "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "αοιετσνηυρπκ"),
    (("cp1255", "iso8859_8"), "אבגדהוזחטיךכלםמןנסעףפץצקרשת", "יולהאמרתבש"),
    (("cp1256", "iso8859_6"), "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي", "الينمورتبةعد"),
    (("cp874",), "".join(map(chr, range(0x0E01, 0x0E5C))), "านรอกเงวมยลตด่้ิีั"),
)  # fmt: skip
_WESTERN = "éèêëàâäáãåçñóòôöõúùûüíìîïßæøœÉÈÊÀÂÁÇÑÓÖÄÅÜÚÍØÆŒ’‘“”–—…«»°€£§·º•©®™\xa0´½²¿¡"
_SIGNS = "’‘“”„–—…«»°€§·•©®™\xa0"
# Latin ones, and the letters that their languages add to ASCII's.
_LATIN = (
    ("cp1252", _WESTERN),
    ("cp1254", _SIGNS + "çğıöşüâîûÇĞİÖŞÜ"),
    ("mac_roman", _WESTERN),
    ("cp1250", _SIGNS + "ąćęłńóśźżčďěňřšťůúýžáéíőűöüäôŕăâîșțşţđĄĆĘŁŃÓŚŹŻČĎĚŇŘŠŤŮÚÝŽÁÉÍŐŰÖÜ"),
    ("iso8859_2", _SIGNS + "ąćęłńóśźżčďěňřšťůúýžáéíőűöüäôľĺŕăâîşţđĄĆĘŁŃÓŚŹŻČĎĚŇŘŠŤŮÚÝŽÁÉÍŐŰÖÜ"),
    ("cp1257", _SIGNS + "āčēģīķļņšūžąęėįųõäöüĀČĒĢĪĶĻŅŠŪŽĄĘĖĮŲÕÄÖÜ"),
    ("cp850", _WESTERN),
)
_LEAST_SHARE = 0.3
_LATIN_FROM, _MISREAD_BELOW = 0.96, 0.85


def wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark shows by its zero bytes, all on the same sides."""
    quarter, half = len(head) // 4, len(head) // 2
    zeros = [head[offset::4].count(0) for offset in range(4)]
    if quarter >= 2 and not len(head) % 4:
        if min(zeros[2:]) > quarter * 0.9 and zeros[0] < quarter * 0.1:
            return "utf-32-le"
        if min(zeros[:2]) > quarter * 0.9 and zeros[3] < quarter * 0.1:
            return "utf-32-be"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if half < 2 or not even + odd:
        return None
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return _wide_east_asian(head)


def _wide_east_asian(head: bytes) -> str | None:
    """UTF-16 of other scripts has zero bytes in its blanks and line ends alone."""
    for encoding, zeros, others in (("utf-16-le", head[1::2], head[0::2]), ("utf-16-be", head[0::2], head[1::2])):
        if 2 * others.count(0) > zeros.count(0) or not zeros.count(0):
            continue
        text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
        blocks = Counter(ord(each) >> 8 for each in text)
        letters = sum(unicodedata.category(each)[0] in "LMNPZ" or each.isspace() for each in text)
        # Text keeps to few blocks, or to those of Chinese; what is no text is spread over all.
        if letters > 0.95 * len(text) and (len(blocks) <= 8 or _score(text) > 0.5):
            return encoding
    return None


def guesses(sample: bytes) -> list[str]:
    """Encodings in the order of their likelihood."""
    ranked = sorted([*_by_script(sample), *_east_asian(sample)], reverse=True)
    found = [encoding for _, _, encoding in ranked] or _latin(sample)
    if found:
        return [*found, "cp1252", "latin-1"]
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_exclusion=["utf_7"]).best()
    return [*([best.encoding] if best is not None else []), "cp1252", "latin-1"]


def misread(sample: bytes, encoding: str) -> bool:
    """Whether another Latin encoding makes letters of a language where this one makes none."""
    letters = dict(_LATIN).get(encoding, "")
    others = [each for each in _latin(sample) if each != encoding]
    return bool(others) and _share(_foreign(sample, encoding), letters) < _MISREAD_BELOW


def _latin(sample: bytes) -> list[str]:
    shares = {encoding: _share(_foreign(sample, encoding), letters) for encoding, letters in _LATIN}
    # Of equals the first is the commonest.
    best = max(shares, key=lambda each: shares[each])
    return [best] if shares[best] > _LATIN_FROM else []


def _by_script(sample: bytes) -> list[tuple[float, int, str]]:
    """Encodings of scripts beside Latin that make mostly small letters, the commonest of them above all."""
    high = sum(each > 127 for each in sample)
    letters = sum(65 <= each <= 90 or 97 <= each <= 122 for each in sample)
    if high < _LEAST_SHARE * (high + letters) and high < 2000:
        return []
    scored = []
    for encodings, small, common in _SCRIPTS:
        for place, encoding in enumerate(encodings):
            foreign = _foreign(sample, encoding)
            if (share := _share(foreign, small)) > 0.75:
                scored.append((share + _share(foreign, common), -place, encoding))
    return scored


def _foreign(sample: bytes, encoding: str) -> list[str]:
    return [each for each in sample.decode(encoding, "replace") if not each.isascii()]


def _share(foreign: list[str], letters: str) -> float:
    wanted = frozenset(letters)
    return sum(each in wanted for each in foreign) / len(foreign) if foreign else 0.0


def _east_asian(sample: bytes) -> list[tuple[float, int, str]]:
    """Those whose reading is mostly ideographs, kana or hangul, common ones among them and hardly anything odd.

    Short samples mislead charset-normalizer, and tables are short samples.
    """
    scored = []
    for name in _EAST_ASIAN:
        # A sample may end inside a character, so its last bytes are forgiven.
        text = codecs.getincrementaldecoder(name)(errors="replace").decode(sample)
        if (score := _score(text)) > 0.6:
            scored.append((score, 0, name))
    return scored


def _score(text: str) -> float:
    foreign = "".join(each for each in text if not each.isascii())
    if not foreign or foreign.count("\ufffd") > len(foreign) * 0.02:
        return 0.0
    expected = len(_CJK_OR_KANA.findall(foreign)) + sum(each in _COMMON for each in foreign)
    return (expected - 2 * len(_ODD.findall(foreign))) / len(foreign)
