"""Documents to measure with: real ones, and others made of real abstracts at realistic lengths."""

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.passages import html, markdown, padded, pdf_of
from tests.e2e.suite import DATA

# What is read by OCR or not at all says nothing of the pipeline.
_LEFT_OUT = {"MANIFEST.tsv", "questions.tsv", "docl__ocr_test.pdf", "pypdf__libreoffice-writer-password.pdf"}
_LINE_CHARACTERS, _LINES_A_PAGE = 95, 55
_NOISE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Paper:
    """A file to send."""

    name: str
    data: bytes


def papers(count: int, seed: int = 1) -> list[Paper]:
    """The real documents, and made ones of one to forty abstracts, in four formats."""
    real = [
        Paper(path.name, path.read_bytes()) for path in sorted((DATA / "docs").iterdir()) if path.name not in _LEFT_OUT
    ]
    made, chance = [], Random(seed)
    abstracts = _abstracts()
    for number in range(max(0, count - len(real))):
        length = chance.choice((1, 1, 2, 4, 4, 8, 16, 40))
        form = chance.choice(tuple(_FORMS))
        made.append(Paper(f"paper-{number:04d}.{form}", _FORMS[form](chance.sample(abstracts, length))))
    chosen = [*real, *made][:count]
    chance.shuffle(chosen)
    return chosen


def long_texts(chunks: int, seed: int = 2) -> Iterator[Paper]:
    """Plain texts of about 60 chunks each, together about as many as asked for."""
    chance, abstracts = Random(seed), _abstracts()
    for number in range(chunks // 60):
        yield Paper(f"text-{number:04d}.txt", "\n\n".join(chance.sample(abstracts, 46)).encode())


def heavy(folder: Path, number: int, size_bytes: int) -> Path:
    """A file of few words and many bytes, by turns a PDF with an unused stream and a DOCX with a large picture."""
    chance = Random(number)
    words = chance.sample(_abstracts(), 8)
    if number % 2:
        path = folder / f"heavy-{number:03d}.docx"
        _padded_docx(path, words, size_bytes, chance)
    else:
        path = folder / f"heavy-{number:03d}.pdf"
        path.write_bytes(padded(pdf_of(_pages(words)), size_bytes, chance.randbytes(_NOISE_BYTES)))
    return path


def _abstracts() -> list[str]:
    lines = (DATA / "ir" / "scifact-mini" / "corpus.jsonl").read_text().splitlines()
    return [json.loads(line)["text"] for line in lines]


def _pages(texts: list[str]) -> list[bytes]:
    lines = [line for text in texts for line in (*_wrapped(text), "")]
    return [_page(lines[start : start + _LINES_A_PAGE]) for start in range(0, len(lines), _LINES_A_PAGE)]


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for word in text.encode("ascii", "ignore").decode().split():
        if len(line) + len(word) >= _LINE_CHARACTERS:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def _page(lines: list[str]) -> bytes:
    escaped = (line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in lines)
    shown = "".join(f"({line}) Tj T*\n" for line in escaped)
    return f"BT /F1 10 Tf 12 TL 60 760 Td\n{shown}ET".encode()


def _padded_docx(path: Path, texts: list[str], size_bytes: int, chance: Random) -> None:
    """Bytes that do not compress, as a picture's do not, beside the text of a real document."""
    import docx

    document = docx.Document()
    for text in texts:
        document.add_paragraph(text)
    document.save(str(path))
    noise = chance.randbytes(_NOISE_BYTES)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("word/media/image1.bin", noise * (size_bytes // _NOISE_BYTES))


_FORMS: dict[str, Callable[[list[str]], bytes]] = {
    "txt": lambda texts: "\n\n".join(texts).encode(),
    "md": markdown,
    "html": html,
    "pdf": lambda texts: pdf_of(_pages(texts)),
}
