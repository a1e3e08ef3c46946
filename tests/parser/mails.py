"""Mails and what is inside of them, for tests."""

from typing import Any

from lorekeep.parser.v1 import parser_pb2


def mail(body: str, headers: str = "", subject: str = "Keys") -> bytes:
    """A mail of one body; `headers` go before the blank line."""
    head = f"From: Ada <ada@example.org>\nTo: Bob <bob@example.org>\nSubject: {subject}\n"
    return f"{head}Date: Fri, 17 May 2024 10:00:00 +0200\nMIME-Version: 1.0\n{headers}\n{body}".encode()


def multipart(kind: str, *parts: str) -> tuple[str, str]:
    """Body and headers of a multipart; each part has headers, a blank line and its content."""
    edge = f"edge{len(''.join(parts))}x{len(parts)}"
    body = "".join(f"--{edge}\n{part}\n" for part in parts) + f"--{edge}--\n"
    return body, f'Content-Type: multipart/{kind}; boundary="{edge}"\n'


def inside(parsed: Any) -> dict[str, bytes]:
    """What was found inside, by name, once it is sure that sizes and places are true."""
    found: dict[str, bytes] = {}
    told = parser_pb2.Attachment()
    for message in parsed.messages:
        part = message.WhichOneof("part")
        if part == "attachment":
            told = message.attachment
            assert told.ordinal == len(found)
            assert told.name not in found
            found[told.name] = b""
        elif part == "attachment_data":
            found[told.name] += message.attachment_data
            assert len(found[told.name]) <= told.size_bytes
    assert parsed.finished.attachment_count == len(found)
    return found
