"""Segments, their end and vectors, in whatever order they come to a child."""

import io

import pytest

from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.sandbox import frames
from lorekeep_parser.sandbox.child import Peer
from lorekeep_parser.sandbox.frames import Kind


def _peer(*given: tuple[Kind, bytes]) -> Peer:
    return Peer(io.BytesIO(b"".join(frames.packed(kind, payload) for kind, payload in given)), io.BytesIO())


def test_segments_and_their_end_wait_while_vectors_are_asked_for() -> None:
    segments = [(Kind.REQUEST, bytes([number])) for number in range(40)]
    peer = _peer(*segments, (Kind.END, b""), (Kind.VECTORS, b"first"), (Kind.VECTORS, b"last"))
    assert peer.request() == b"\x00"
    assert peer.vectors() == b"first"
    assert [peer.request() for _ in segments] == [*(payload for _, payload in segments[1:]), None]
    assert peer.vectors() == b"last"


@pytest.mark.parametrize("segments", [0, 1])
def test_a_caller_that_ends_without_an_answer_is_refused(segments: int) -> None:
    peer = _peer(*[(Kind.REQUEST, b"x")] * segments, (Kind.END, b""), (Kind.END, b""))
    with pytest.raises(InvalidInput, match="vectors_required"):
        peer.vectors()
