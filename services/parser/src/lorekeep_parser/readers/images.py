"""Images by character recognition; each frame of a TIFF is a page."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import TooLarge
from lorekeep_parser import failures
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import ocr

_MAX_PIXELS = 120_000_000


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "ImagesReader":
    """Reads a PNG, JPEG or TIFF."""
    return ImagesReader(path, kind)


class ImagesReader:
    """Frames in order. One larger than 120 megapixels is refused, since it unpacks to a multiple of its size."""

    route = "tesseract"

    def __init__(self, path: Path, kind: Media) -> None:
        self.properties = document_pb2.Properties()
        from PIL import Image

        self.media_type = kind.value
        try:
            self._image: Any = Image.open(path)
        except Image.DecompressionBombError as error:
            raise _too_many_pixels() from error
        except (OSError, SyntaxError, ValueError) as error:
            raise failures.corrupt("image") from error
        self.pages_total = int(getattr(self._image, "n_frames", 1))

    def pages(self, first: int) -> Iterator[Page]:
        """Frames from `first` on."""
        for number in range(first, self.pages_total):
            if not ocr.available():
                yield Page((), warnings=[ocr.WARNING])
                continue
            data, width, height = self._frame(number)
            yield Page(ocr.elements(data, number + 1, width, height), ocr=True)

    def _frame(self, number: int) -> tuple[bytes, int, int]:
        """A frame as PGM."""
        try:
            self._image.seek(number)
            if self._image.width * self._image.height > _MAX_PIXELS:
                raise _too_many_pixels()
            grey = self._image.convert("L")
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise failures.corrupt("image") from error
        buffer = io.BytesIO()
        grey.save(buffer, format="PPM")
        return buffer.getvalue(), grey.width, grey.height


def _too_many_pixels() -> TooLarge:
    return TooLarge(f"The image has more than {_MAX_PIXELS // 10**6} million pixels. Scale it down.")
