"""PDFs that are encrypted, endless, or too much."""

import io
import zlib

from tests.parser import small_files


def encrypted() -> bytes:
    """A PDF that opens with a password only."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(io.BytesIO(small_files.book(2))))
    writer.encrypt("lighthouse", algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def swelling(size_bytes: int) -> bytes:
    """A page whose content unpacks to `size_bytes` of drawing."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"1 0 0 1 0 0 cm\n" * 70_000) for _ in range(size_bytes // 1_050_000))
    return _of_content(packed + packer.flush(), "/Filter/FlateDecode")


def crowded(objects: int) -> bytes:
    """A page of `objects` lines of text, each an object of its own, and as many strokes."""
    words = [
        f"BT /F 4 Tf {n % 97 * 6} {n // 97 % 190 * 4} Td (lamp {n}) Tj ET\n{n % 600} 1 m 2 3 l S\n"
        for n in range(objects)
    ]
    return _of_content("".join(words).encode(), "")


def looping() -> bytes:
    """A page tree whose node is its own child."""
    return small_files.pdf([[(11, 100.0, "Words before the loop.")]]).replace(b"/Kids[4 0 R]", b"/Kids[2 0 R]")


def _of_content(content: bytes, filter_entry: str) -> bytes:
    return small_files.joined(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[4 0 R]/Count 1>>",
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents 5 0 R>>",
            f"<</Length {len(content)}{filter_entry}>>stream\n".encode() + content + b"\nendstream",
        ]
    )
