"""RTF's vocabulary: what its control words write, what they skip, and which code page a number means."""

import codecs

# Groups whose text is no text of the document.
SKIPPED = frozenset({
    "fonttbl", "colortbl", "stylesheet", "listtable", "listoverridetable", "rsidtbl", "generator", "themedata",
    "colorschememapping", "datastore", "latentstyles", "pict", "object", "objdata", "blipuid", "bliptag",
    "fldinst", "xmlnstbl", "mmathPr", "filetbl", "revtbl", "pgptbl", "template", "operator", "userprops",
    "wgrffmtfilter", "picprop", "sp", "sn", "sv", "shpinst", "nonshppict", "fontemb", "fontfile", "panose",
    "falt", "datafield", "formfield", "bkmkstart", "bkmkend", "atnid", "atnref", "atntime", "atnparent",
    "atndate", "xe", "tc", "tb", "rxe", "bxe", "pnseclvl", "pntext", "listtext", "ftnsep", "ftnsepc", "aftnsep",
    "aftnsepc", "listname", "leveltext", "levelnumbers", "ud", "private", "docvar",
})  # fmt: skip
# Within a skipped group these hold text that is shown.
SHOWN = frozenset({"shptxt", "result", "upr", "shppict", "shprslt"})
HEADERS = frozenset(["header", "headerl", "headerr", "headerf"])
FOOTERS = frozenset(["footer", "footerl", "footerr", "footerf"])
NOTES = frozenset({"footnote", "annotation", "shptxt"})
INFO = frozenset({"title", "author", "subject", "keywords", "doccomm", "creatim", "revtim"})
SIGNS = {
    "tab": "\t", "line": "\n", "softline": "\n", "lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c",
    "rdblquote": "\u201d", "bullet": "\u2022", "endash": "\u2013", "emdash": "\u2014", "enspace": " ", "emspace": " ",
    "qmspace": " ", "~": " ", "_": "\u2011", "-": "", "zwj": "\u200d", "zwnj": "\u200c", "ltrmark": "", "rtlmark": "",
}  # fmt: skip
_CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 255: "cp437",
}  # fmt: skip
_FAMILIES = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850", "ansi": "cp1252"}


def of_charset(number: int) -> str:
    """The encoding of a font's character set; empty for the document's own."""
    return _CHARSETS.get(number, "")


def of_family(word: str) -> str | None:
    """The encoding that a word at the document's beginning names; None for other words."""
    return _FAMILIES.get(word)


def of_code_page(number: int) -> str:
    """The encoding of a Windows code page, Western Europe's where there is none of that number."""
    names = {65001: "utf-8", 10000: "mac_roman", 936: "gb18030", 1200: "utf-16-le"}
    name = names.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
