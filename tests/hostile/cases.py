"""What somebody may upload to take the parser down or out: each file, and how it may end."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.hostile import ole, packages, pdfs
from tests.parser import small_files

OK = "ok"
_BILLION = '<!DOCTYPE d [<!ENTITY a "ha ha ha ha ha ha ha ha ha ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghi", "bcdefghij", strict=True)
) + "]>"  # fmt: skip
_EXTERNAL = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_SECRET = "root:x:0"
_ELF = b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40
_PROSE = "The keeper wrote into the log that the lamp had burned all night.\n" * 20
_JAPANESE = "灯台守は毎晩、日誌に天気と船の数を書いた。海は静かだった。\n" * 20
_TABLE = "番号,名前,場所\n" + "1,灯台,海岸\n" * 30
_CHINESE = "燈塔看守人每天晚上都在日誌上寫下天氣和船隻的數量。海面很平靜。\n" * 20


@dataclass(frozen=True)
class Case:
    """A hostile file. `ends` are the outcomes that are right: `ok` or a reason; `says` must be found where it is read,
    `hides` never. `lighter` is the same in less, for the tests of every day."""

    title: str
    name: str
    make: Callable[[], bytes]
    ends: frozenset[str]
    says: str = ""
    hides: str = ""
    lighter: Callable[[], bytes] | None = None
    start: dict[str, object] = field(default_factory=dict)


def _case(title: str, name: str, make: Callable[[], bytes], *ends: str, **more: object) -> Case:
    return Case(title, name, make, frozenset(ends), **more)  # type: ignore[arg-type]


def _xml(prologue: str, body: str, root: str = "d") -> bytes:
    return f'<?xml version="1.0"?>{prologue}<{root}>{body}</{root}>'.encode()


def _svg(prologue: str, body: str) -> bytes:
    return f'<?xml version="1.0"?>{prologue}<svg xmlns="http://www.w3.org/2000/svg"><text>{body}</text></svg>'.encode()


def _office_encrypted() -> bytes:
    return ole.container({"EncryptedPackage": b"\x10" * 6000, "EncryptionInfo": b"\x04\x00\x04\x00" + b"<x/>"})


def _nested(count: int) -> bytes:
    return b"<html><body>" + b"<div>" * count + b"deep words of the keeper" + b"</div>" * count + b"</body></html>"


def _frames(count: int) -> bytes:
    """A moving picture of eight by eight dots."""
    size = (8).to_bytes(2, "little") * 2
    frame = b"\x2c" + bytes(4) + size + b"\0\x02\x04\x84\x8f\xa9\x02\0"
    return b"GIF89a" + size + b"\x80\0\0\0\0\0\xff\xff\xff" + frame * count + b";"


_LOCKED = [
    _case("encrypted PDF", "locked.pdf", pdfs.encrypted, "encrypted"),
    _case("encrypted DOCX", "locked.docx", _office_encrypted, "encrypted"),
    _case("encrypted XLSX", "locked.xlsx", _office_encrypted, "encrypted"),
]
_BROKEN = [
    _case("truncated PDF", "cut.pdf", lambda: small_files.book(3)[:1500], "corrupt", "empty_text", OK),
    _case("truncated DOCX", "cut.docx", lambda: small_files.docx(small_files.word_xml(_PROSE))[:-400], "corrupt"),
    _case("truncated XLSX", "cut.xlsx", lambda: packages.workbook(packages.cell("A1", "x"))[:-300], "corrupt"),
    _case("PDF header only", "head.pdf", lambda: b"%PDF-1.7\n", "corrupt"),
    _case("ZIP header only", "head.docx", lambda: b"PK\x03\x04", "corrupt"),
    _case("empty file", "empty.pdf", lambda: b"", "empty_file"),
    _case("PDF named .docx", "book.docx", lambda: small_files.book(2), OK, says="the keeper wrote line"),
    _case("DOCX named .pdf", "text.pdf", lambda: small_files.docx(small_files.word_xml(_PROSE)), OK, says="The keeper"),
    _case("executable named .pdf", "program.pdf", lambda: _ELF, "unsupported_media"),
]
_MARKUP = [
    _case("billion laughs, XML", "laughs.xml", lambda: _xml(_BILLION, "&j;"), "corrupt", OK, "empty_text", "too_large"),
    _case("billion laughs, DOCX", "laughs.docx", lambda: small_files.docx(small_files.word_xml("&j;", _BILLION)),
          "corrupt", "empty_text", OK),
    _case("billion laughs, SVG", "laughs.svg", lambda: _svg(_BILLION, "&j;"), "corrupt", OK, "empty_text", "too_large"),
    _case("outside entity, XML", "out.xml", lambda: _xml(_EXTERNAL, "&x;words"), "corrupt", OK, "empty_text",
          hides=_SECRET),
    _case("outside entity, DOCX", "out.docx", lambda: small_files.docx(small_files.word_xml("&x;words", _EXTERNAL)),
          "corrupt", OK, "empty_text", hides=_SECRET),
    _case("outside entity, SVG", "out.svg", lambda: _svg(_EXTERNAL, "&x;words"), "corrupt", OK, "empty_text",
          hides=_SECRET),
    _case("100,000 nested elements, HTML", "deep.html", lambda: _nested(100_000), OK, "corrupt", "too_large",
          "parser_crashed"),
    _case("100,000 nested elements, XML", "deep.xml", lambda: b"<a>" * 100_000 + b"words" + b"</a>" * 100_000, OK,
          "corrupt", "too_large"),
]  # fmt: skip
_BOMBS = [
    _case("DOCX, 1 GB in one run", "run.docx", lambda: packages.docx_of(packages.one_run(2**30)),
          "too_large_unpacked"),
    _case("DOCX, 200 MB of paragraphs", "long.docx", lambda: packages.docx_of(packages.many_paragraphs(200 * 2**20)),
          OK, "parse_timeout", "too_large_unpacked",
          lighter=lambda: packages.docx_of(packages.many_paragraphs(20 * 2**20))),
    _case("PDF, a stream of 300 MB", "swell.pdf", lambda: pdfs.swelling(300 * 2**20), OK, "empty_text", "corrupt",
          "parser_crashed", "parse_timeout"),
    _case("PDF, a loop of pages", "loop.pdf", pdfs.looping, "corrupt", OK),
    _case("PDF, 100,000 objects on a page", "crowd.pdf", lambda: pdfs.crowded(100_000), OK, says="lamp 99999"),
    _case("XLSX, a far-away cell", "far.xlsx",
          lambda: packages.workbook(packages.cell("A1", "near lamp") + packages.cell("XFD1048576", "far lamp")), OK,
          says="near lamp"),
    _case("nested archives", "nest.zip", lambda: packages.nested_bomb(4, 10), OK, "too_large_unpacked"),
    _case("overlapping archive", "fold.zip", lambda: packages.overlapping_bomb(2**20, 20_000, "m"),
          "too_large_unpacked", "corrupt"),
    _case("overlapping DOCX", "fold.docx", lambda: packages.overlapping_bomb(2**20, 20_000, "word/m"),
          "too_large_unpacked", "corrupt"),
]  # fmt: skip
_ENCODED = [
    _case("UTF-16 with a mark", "wide.txt", lambda: _PROSE.encode("utf-16"), OK, says="lamp had burned"),
    _case("UTF-16 without a mark", "bare.txt", lambda: _PROSE.encode("utf-16-le"), OK, says="lamp had burned"),
    _case("UTF-32", "wider.txt", lambda: codecs.BOM_UTF32_LE + _PROSE.encode("utf-32-le"), OK, says="lamp had burned"),
    _case("cp932", "sjis.txt", lambda: _JAPANESE.encode("cp932"), OK, says="海は静かだった"),
    _case(
        "cp932 CSV", "sjis.csv", lambda: ("番号,名前,場所\n" + "1,灯台,海岸\n" * 30).encode("cp932"), OK, says="灯台"
    ),
    _case("Big5", "big5.txt", lambda: _CHINESE.encode("big5"), OK, says="海面很平靜"),
]
_LONG = [
    _case("text of 4 MiB without a break", "word.txt", lambda: ("燈" * 2**22).encode(), OK, says="燈" * 1000,
          start={"chunk_options": None}),
    _case("JSON, a string of 6 MB", "string.json", lambda: b'{"log": "' + b"lamp oil " * 700_000 + b'"}', OK,
          says="lamp oil", start={"chunk_options": None}),
    _case("mail, 10 MB of parameters", "parameters.eml",
          lambda: b"Subject: Lamps\nContent-Type: text/plain; " + b"a*0*=x; " * 1_300_000 + b"\n\nThe lamp burned.\n",
          OK, says="The lamp burned."),
    _case("mail, 100,000 headers", "headers.eml",
          lambda: b"".join(b"X-Lamp-%d: lit\n" % each for each in range(100_000)) + b"Subject: Lamps\n\nIt burned.\n",
          OK, says="It burned."),
    _case("XLSX, one string in 200,000 cells", "shared.xlsx", lambda: packages.shared_text(200_000, 1, 32_000), OK,
          says="lamp lamp", start={"chunk_options": None}),
    _case("XLSX, one string in a row of 16,384 cells", "wide.xlsx", lambda: packages.shared_text(1, 16_384, 32_000), OK,
          says="lamp lamp", start={"chunk_options": None}),
    _case("XLSX, 30 million blank rows", "blank.xlsx", lambda: packages.blank_rows(30_000_000), "empty_text"),
    _case("GIF, 50,000 frames", "frames.gif", lambda: _frames(50_000), "empty_text", "too_large",
          "too_many_pages", "corrupt", "parse_timeout"),
    _case("Markdown, 200,000 brackets", "brackets.md", lambda: b"[" * 200_000 + b"lamp oil", OK, says="lamp oil"),
    _case("RTF, a million groups", "groups.rtf", lambda: b"{\\rtf1 " + b"{" * 10**6 + b"lamp oil" + b"}" * 10**6, OK,
          "corrupt"),
]  # fmt: skip
_NAMED = [
    _case("name with a path", "../../../etc/passwd", lambda: _PROSE.encode(), OK, says="lamp"),
    _case("name with control characters", "a\x00b\x1b[2J\r\n.txt", lambda: _PROSE.encode(), OK, says="lamp"),
    _case("name of 4 KB", "n" * 4092 + ".txt", lambda: _PROSE.encode(), "invalid_input"),
]

CASES = [*_LOCKED, *_BROKEN, *_MARKUP, *_BOMBS, *_ENCODED, *_LONG, *_NAMED]
