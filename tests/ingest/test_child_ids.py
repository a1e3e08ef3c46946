"""Ids of documents inside of another: legal, unlike each other, and the same for the same names."""

from hypothesis import given
from hypothesis import strategies as st

from lorekeep_gateway.ingest.child_ids import child_ids
from lorekeep_gateway.intake import refused_id

_NAMES = st.lists(
    st.text(max_size=30)
    | st.sampled_from(["a.txt", "a.txt~2", "../a.txt", "x/chunks", "versions/1/restore", "y" * 400]),
    max_size=12,
)
_PARENTS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=255)


@given(parent=_PARENTS, names=_NAMES)
def test_every_id_is_one_that_a_caller_might_have_given(parent: str, names: list[str]) -> None:
    ids = child_ids(parent, names)
    assert [refused_id(each) for each in ids] == [""] * len(names)
    assert len(set(ids)) == len(names)
    assert ids == child_ids(parent, names)


@given(names=_NAMES, avoided=st.integers(0, 11))
def test_ids_of_others_are_avoided(names: list[str], avoided: int) -> None:
    taken = child_ids("mail", names)[avoided : avoided + 1]
    ids = child_ids("mail", names, taken)
    assert not {*taken} & {*ids}
    assert len(set(ids)) == len(names)


def test_what_comes_behind_changes_no_id() -> None:
    assert child_ids("mail", ["a", "b", "a"]) == ["mail/a", "mail/b", "mail/a~2"]
    assert child_ids("mail", ["a", "b"]) == child_ids("mail", ["a", "b", "a"])[:2]


def test_long_names_keep_their_ends() -> None:
    (made,) = child_ids("m" * 255, ["folder/" + "n" * 300 + ".pdf"])
    assert made.endswith("nnn.pdf")
    assert len(made) <= 255
    assert made != child_ids("m" * 255, ["folder/" + "n" * 301 + ".pdf"])[0]
