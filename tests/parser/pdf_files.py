"""PDFs made on the spot, with more to them than lines of one size."""

from collections.abc import Sequence

WIDTH, HEIGHT = 612, 792
REGULAR, BOLD = "F", "B"


def document(
    pages: Sequence[str], *, page: str = "", extra: Sequence[str] = (), catalog: str = "", trailer: str = ""
) -> bytes:
    """A PDF whose pages draw what their content streams say, with the fonts F, B (bold) and S (symbols).

    `page` is added to each page's dictionary and `catalog` to the catalog; `extra` are objects from number 6 on.
    """
    first = 6 + len(extra)
    kids = " ".join(f"{first + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
        *(
            f"<</Type/Font/Subtype/Type1/BaseFont/{name}/Encoding/WinAnsiEncoding>>"
            for name in ("Helvetica", "Helvetica-Bold", "Courier")
        ),
        *extra,
    ]
    for index, content in enumerate(pages):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]{page}"
            f"/Resources<</Font<</F 3 0 R/B 4 0 R/C 5 0 R>>>>/Contents {first + 2 * index + 1} 0 R>>"
        )
        objects.append(f"<</Length {len(content)}>>\nstream\n{content}\nendstream")
    return joined(objects, trailer)


def joined(objects: Sequence[str], trailer: str = "") -> bytes:
    """Objects from number 1 on as a file; the first is the catalog."""
    out, offsets = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n".encode("cp1252")
    table = "".join(f"{each:010} 00000 n \n" for each in offsets)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R{trailer}>>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()


def text(x: float, down: float, words: str, size: float = 10, font: str = REGULAR) -> str:
    """Words whose foot is `down` points under the page's top."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /{font} {size} Tf {x} {HEIGHT - down} Td ({escaped}) Tj ET\n"


def column(x: float, down: float, lines: Sequence[str], size: float = 10, step: float = 12) -> str:
    """Lines under each other."""
    return "".join(text(x, down + step * row, each, size) for row, each in enumerate(lines))


def grid(x: float, down: float, widths: Sequence[float], rows: int, step: float = 20) -> str:
    """The ruling lines of a table."""
    drawn, right, foot = [], x + sum(widths), down + rows * step
    for row in range(rows + 1):
        level = HEIGHT - down - row * step
        drawn.append(f"{x} {level} m {right} {level} l S\n")
    for index in range(len(widths) + 1):
        place = x + sum(widths[:index])
        drawn.append(f"{place} {HEIGHT - down} m {place} {HEIGHT - foot} l S\n")
    return "".join(drawn)
