"""What the gRPC process takes from a child, whatever the child says."""

import json

import pytest

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures
from lorekeep_parser.sandbox import allowance
from lorekeep_parser.sandbox.allowance import Allowance

_ATTACHMENT = parser_pb2.ParseResponse(attachment=parser_pb2.Attachment(name="a.txt", size_bytes=1))
_DATA = parser_pb2.ParseResponse(attachment_data=b"x")


def test_answers_without_end() -> None:
    allowed = Allowance()
    with pytest.raises(InvalidInput):
        for _ in range(allowance.MAX_ANSWER_BYTES // 2**22 + 1):
            allowed.take(2**22)


def test_attachments_without_end() -> None:
    allowed = Allowance()
    for _ in range(allowance.MAX_ATTACHMENTS):
        allowed.take(10, _ATTACHMENT)
    with pytest.raises(InvalidInput):
        allowed.take(10, _ATTACHMENT)


def test_attachments_larger_than_they_may_be() -> None:
    allowed = Allowance()
    with pytest.raises(InvalidInput):
        for _ in range(2 * allowance.MAX_ATTACHMENT_BYTES // 2**20 + 1):
            allowed.take(2**20, _DATA)


@pytest.mark.parametrize("reason", ["", "A", "x" * 65, "ok\n", 7, None, ["corrupt"]])
def test_a_reason_that_is_none_is_a_crash(reason: object) -> None:
    body = {"kind": "InvalidInput", "reason": reason, "message": "m", "where": ""}
    assert failures.decoded(json.dumps(body).encode())[0].reason == "parser_crashed"


def test_a_message_is_one_plain_line() -> None:
    told = failures.decoded(failures.encoded(InvalidInput("a\x1b[2J\r\nb\x00", reason="corrupt")))[0]
    assert (told.reason, told.message) == ("corrupt", "a [2J  b ")


def test_a_failure_that_goes_too_deep() -> None:
    assert failures.decoded(b"[" * 2**20)[0].reason == "parser_crashed"
