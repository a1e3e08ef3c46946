"""The gateway tells a file from its beginning, the parser from all of it: of each kind they say the same."""

from pathlib import Path

import pytest
from tests.parser.text_files import REFUSED, SAMPLES

from lorekeep_chassis.errors import UnsupportedMedia
from lorekeep_gateway.media import HEAD_BYTES, KNOWN, media_type
from lorekeep_parser.formats.media import Media
from lorekeep_parser.formats.recognition import recognised
from lorekeep_parser.readers import MODULES

# What the gateway calls by another name: the parser reads both as rows.
_SAME = {"text/tab-separated-values": "text/csv"}


@pytest.mark.parametrize(("data", "name", "kind"), SAMPLES, ids=[f"{name}-{kind}" for _, name, kind in SAMPLES])
def test_both_say_the_same(tmp_path: Path, data: bytes, name: str, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    declared = media_type(data[:HEAD_BYTES], name)
    assert (_SAME.get(declared, declared), recognised(path, name, declared).value) == (kind, kind)


@pytest.mark.parametrize("data", REFUSED, ids=range(len(REFUSED)))
@pytest.mark.parametrize("name", ["a.pdf", "a.txt", ""])
def test_both_refuse_the_same(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(UnsupportedMedia):
        media_type(data[:HEAD_BYTES], name)
    with pytest.raises(UnsupportedMedia):
        recognised(path, name, "")


def test_each_kind_has_a_reader_and_is_known_to_the_gateway() -> None:
    # What is packed shows only once it is unpacked, which the gateway leaves to the parser.
    told_by_content_alone = {Media.CODE, Media.ELEMENTS, Media.COMPRESSED}
    assert set(MODULES) == set(Media)
    assert {each.value for each in set(Media) - told_by_content_alone} <= KNOWN
