"""What cannot be read is refused with a typed error, and the next document is read."""

import pytest
from tests.parser import small_files
from tests.parser.parser_process import Client, ParserProcess
from tests.parser.test_documents import check_offsets

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput, LorekeepError, TooLarge, Unauthenticated, UnsupportedMedia

pytestmark = pytest.mark.asyncio(loop_scope="session")

_BOMB = small_files.docx(b"\0" * (300 * 2**20))
_PAGE_GONE = (
    small_files.pdf([[(11, 100.0, "Never seen.")]])
    .replace(b"/Type/Page/Parent", b"/Type/None/Parent")
    .replace(b"/Kids[4 0 R]", b"/Kids[9 0 R]")
)
_EXTERNAL = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a "ha ha ha ha ha ha ha ha ha ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    ("data", "name", "kind", "reason"),
    [
        (b"", "empty.pdf", InvalidInput, "empty_file"),
        (b" \n\n ", "blank.txt", InvalidInput, "empty_text"),
        (b"%PDF-1.7\nnothing of a PDF follows", "broken.pdf", InvalidInput, "corrupt"),
        (_PAGE_GONE, "gone.pdf", InvalidInput, "corrupt"),
        (small_files.docx("<w")[:400], "broken.docx", InvalidInput, "corrupt"),
        (small_files.docx("<not-word/>"), "strange.docx", InvalidInput, "corrupt"),
        (b"PK\x03\x04 no archive", "broken.xlsx", InvalidInput, "corrupt"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 no container", "broken.msg", InvalidInput, "corrupt"),
        (b"\x89PNG\r\n\x1a\n no picture", "broken.png", InvalidInput, "corrupt"),
        (b"\x7fELF" + bytes(range(256)) * 20, "program.txt", UnsupportedMedia, "unsupported_media"),
        (small_files.pdf([[]]), "blank.pdf", InvalidInput, "empty_text"),
        (_BOMB, "bomb.docx", TooLarge, "too_large_unpacked"),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
async def test_a_file_that_cannot_be_read(
    client: Client, data: bytes, name: str, kind: type[LorekeepError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        await client.parse(data, name)
    assert caught.value.reason == reason
    assert caught.value.message.endswith(".")
    assert (await client.parse(b"The next one is read.", "next.txt")).chunks[0].text == "The next one is read."


async def test_external_entities_are_not_fetched(client: Client) -> None:
    document = small_files.docx(small_files.word_xml("before &x; after", _EXTERNAL))
    try:
        text = (await client.parse(document, "x.docx")).text
    except InvalidInput as error:
        text = error.message
    assert "root:" not in text


async def test_entities_that_multiply_do_not(client: Client) -> None:
    document = small_files.docx(small_files.word_xml("laugh &i; end", _LAUGHS))
    try:
        text = (await client.parse(document, "x.docx")).text
    except InvalidInput as error:
        text = error.reason
    assert len(text) < 10_000


async def test_deeply_nested_html_is_an_answer_of_some_kind(client: Client) -> None:
    data = b"<html><body>" + b"<div>" * 20_000 + b"deep" + b"</div>" * 20_000
    try:
        assert "deep" in (await client.parse(data, "deep.html")).text
    except InvalidInput as error:
        assert error.reason in ("corrupt", "empty_text", "parser_crashed")


async def test_a_call_without_the_token(parser: tuple[ParserProcess, Client]) -> None:
    stranger = Client(int(await parser[0].fact("grpc_port")), "another-token")
    with pytest.raises(Unauthenticated):
        await stranger.parse(b"text", "a.txt")
    await stranger.close()


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 8},
        {"max_tokens": 4096},
        {"max_tokens": 100, "overlap_tokens": 50},
        {"max_tokens": 64, "min_tokens": 65},
    ],
)
async def test_chunk_options_out_of_bounds(client: Client, options: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        await client.parse(b"text", "a.txt", chunk_options=client.options(**options))


async def test_a_tokenizer_with_another_fingerprint(client: Client) -> None:
    options = parser_pb2.ChunkOptions(tokenizer_fingerprint="0" * 64)
    with pytest.raises(InvalidInput) as caught:
        await client.parse(b"text", "a.txt", chunk_options=options)
    assert caught.value.reason == "tokenizer_mismatch"


async def test_sizes_that_do_not_hold(client: Client) -> None:
    with pytest.raises(TooLarge):
        await client.parse(b"text", "a.txt", size_bytes=2**40)
    with pytest.raises(InvalidInput):
        await client.parse(b"text", "a.txt", size_bytes=2)
    with pytest.raises(InvalidInput) as caught:
        await client.parse(b"text", "a.txt", size_bytes=5)
    assert caught.value.reason == "incomplete_request"


@pytest.mark.parametrize(("encoding", "name"), [("utf-16", "a.csv"), ("utf-16-le", "a.csv"), ("cp932", "a.csv")])
async def test_tables_in_other_encodings(client: Client, encoding: str, name: str) -> None:
    table = "名前,都市,職業\n" + "".join(f"山田太郎{row},東京都,灯台守です\n" for row in range(5))
    parsed = await client.parse(table.encode(encoding), name)
    assert "山田太郎3\t東京都\t灯台守です" in parsed.text
    assert parsed.verdict.media_type == "text/csv"
    check_offsets(parsed)


async def test_html_in_the_charset_it_declares(client: Client) -> None:
    html = '<html><head><meta charset="koi8-r"></head><body><p>Маяк стоит на скале у моря.</p></body></html>'
    assert "Маяк стоит на скале" in (await client.parse(html.encode("koi8-r"), "a.html")).text


async def test_a_mislabelled_file_is_read_as_what_it_is(client: Client) -> None:
    parsed = await client.parse(b"<!doctype html><html><body><h1>Lamp</h1><p>It burns.</p></body></html>", "a.pdf")
    assert parsed.verdict.media_type == "text/html"
    assert parsed.chunks[0].text == "Lamp\n\nIt burns."
