"""Mailboxes in the manner of mbox: mails one behind the other, each below a line with its postmark."""

import re

_POSTMARK = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]{1,200}\r?\n(?=[!-9;-~]{1,100}:)")
_QUOTED = re.compile(rb"^>(>{0,20}From )", re.MULTILINE)
# Mails behind these stay as they are, in the last one.
_MOST_MAILS = 20_000


def mails(data: bytes) -> list[bytes]:
    """The mails of a mailbox; a mail alone is given as it is."""
    if not data.startswith(b"From "):
        return [data]
    starts: list[tuple[int, int]] = []
    for match in _POSTMARK.finditer(data):
        starts.append(match.span())
        if len(starts) == _MOST_MAILS:
            break
    if len(starts) < 2:
        return [data]
    ends = [start for start, _ in starts[1:]] + [len(data)]
    return [_QUOTED.sub(rb"\1", data[begin:end]) for (_, begin), end in zip(starts, ends, strict=True)]
