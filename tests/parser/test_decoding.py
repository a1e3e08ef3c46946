"""Text comes back from each encoding: with a mark, declared, declared falsely, and by what its letters are."""

import pytest

from lorekeep_parser.formats import decoding

TEXTS = {
    "ru": "Маяк стоит на скале у самого моря, и каждую ночь его огонь виден за двадцать миль.",
    "uk": "Маяк стоїть на скелі біля моря, і щоночі його вогонь видно за двадцять миль. Їжак єдиний.",
    "el": "Ο φάρος στέκεται στον βράχο δίπλα στη θάλασσα και κάθε νύχτα το φως του φαίνεται από μακριά.",
    "he": "המגדלור עומד על הסלע ליד הים, ובכל לילה אורו נראה למרחוק.",
    "ar": "تقف المنارة على الصخرة بجانب البحر، وكل ليلة يرى ضوؤها من بعيد.",
    "th": "ประภาคารตั้งอยู่บนโขดหินริมทะเล และทุกคืนแสงของมันจะมองเห็นได้จากระยะไกล",
    "fr": "Le phare se dresse près de la mer, et sa lumière est visible à vingt milles. Où est l'été ? Ça va.",
    "de": "Der Leuchtturm steht über dem Meer, schön und groß; müde Wächter prüfen täglich die Öllampe.",
    "pl": "Latarnia morska stoi na skale i każdej nocy jej światło widać z dwudziestu mil. Źródło żółć.",
    "cs": "Maják stojí na skále u moře a každou noc je jeho světlo vidět. Příliš žluťoučký kůň úpěl.",
    "tr": "Deniz feneri kayanın üzerinde duruyor ve ışığı her gece yirmi milden görülüyor, şimdi.",
    "ja": "灯台は海辺の岩の上に立っており、毎晩その光は二十マイル先からも見える。",
    "zh": "灯塔矗立在海边的岩石上，每天晚上二十英里外都能看到它的光芒。守塔人在日志里记录天气。",
    "tw": "燈塔矗立在海邊的岩石上，每天晚上二十英里外都能看到它的光芒。守塔人在日誌裡記錄天氣。",
    "ko": "등대는 바닷가 바위 위에 서 있으며, 매일 밤 그 빛은 이십 마일 밖에서도 보인다.",
}
_OWN = {
    "ru": "cp1251 koi8-r cp866 iso8859-5 mac_cyrillic", "uk": "cp1251 koi8-u", "el": "cp1253 iso8859-7",
    "he": "cp1255 iso8859-8", "ar": "cp1256 iso8859-6", "th": "cp874", "fr": "cp1252 latin-1", "de": "cp1252 mac_roman",
    "pl": "cp1250 iso8859-2", "cs": "cp1250 iso8859-2", "tr": "cp1254", "ja": "cp932 euc_jp iso2022_jp",
    "zh": "gbk gb18030", "tw": "big5", "ko": "euc_kr",
}  # fmt: skip
_ANY = "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be"
_NARROW = [(language, encoding) for language, names in _OWN.items() for encoding in names.split()]
_ALL = [*_NARROW, *((language, encoding) for language in TEXTS for encoding in _ANY.split())]


@pytest.mark.parametrize("lines", [1, 8])
@pytest.mark.parametrize(("language", "encoding"), _ALL)
def test_text_comes_back(language: str, encoding: str, lines: int) -> None:
    text = f"{TEXTS[language]}\n" * lines
    assert decoding.decoded(text.encode(encoding))[0] == text


@pytest.mark.parametrize(("language", "encoding"), _NARROW)
@pytest.mark.parametrize("declared", ["", "iso-8859-1", "utf-8", "no-such-encoding"])
def test_what_is_declared_is_believed_unless_it_cannot_be(language: str, encoding: str, declared: str) -> None:
    text = f'<html><head><meta charset="{declared or encoding}"></head><p>{TEXTS[language]}</p></html>'
    assert decoding.decoded(text.encode(encoding))[0] == text


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
def test_a_beginning_may_end_inside_of_a_character(encoding: str) -> None:
    text = f"{TEXTS['zh']}\n" * 20
    data = text.encode(encoding)
    for end in range(len(data) - 5, len(data)):
        found, _ = decoding.decoded(data[:end], cut=True)
        assert text.startswith(found)
        assert len(found) >= len(text) - 6


def test_some_broken_bytes_do_not_change_the_encoding() -> None:
    data = (TEXTS["ru"] * 5).encode()
    found, encoding = decoding.decoded(data[:100] + b"\xff" + data[100:])
    assert encoding == "utf-8"
    assert found.replace("\ufffd", "") == TEXTS["ru"] * 5
