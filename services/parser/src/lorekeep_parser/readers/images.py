"""Images by character recognition; each frame of a TIFF, GIF or WEBP is a page."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import TooLarge
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import ocr

_MAX_PIXELS = 120_000_000
# Smaller images have letters too small to recognise, and are enlarged.
_SMALL_PIXELS = 1000
_ENLARGED = 2
_SIXTEEN_BITS = 65_535


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "ImagesReader":
    """Reads an image of any kind that Pillow knows."""
    return ImagesReader(path, kind, wishes)


class ImagesReader:
    """Frames in order. One larger than 120 megapixels is refused, since it unpacks to a multiple of its size."""

    route = "tesseract"

    def __init__(self, path: Path, kind: Media, wishes: Wishes) -> None:
        self.properties = document_pb2.Properties()
        from PIL import Image

        self.media_type = kind.value
        self._off = wishes.strategy == parser_pb2.READ_STRATEGY_FAST
        self._recogniser = ocr.Recogniser(wishes.languages)
        Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
        try:
            self._image: Any = Image.open(path)
            # The further frames of a camera's JPEG are previews of the first.
            self.pages_total = 1 if self._image.format == "MPO" else int(getattr(self._image, "n_frames", 1))
        except Image.DecompressionBombError as error:
            raise _too_many_pixels() from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise failures.corrupt("image") from error

    def pages(self, first: int) -> Iterator[Page]:
        """Frames from `first` on."""
        for number in range(first, self.pages_total):
            if self._off or not ocr.available():
                yield Page((), warnings=[ocr.OFF_WARNING if self._off else ocr.WARNING])
            else:
                yield self._read(number)

    def _read(self, number: int) -> Page:
        try:
            self._image.seek(number)
            if self._image.width * self._image.height > _MAX_PIXELS:
                raise _too_many_pixels()
            image = prepared(self._image)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if self.pages_total == 1:
                raise failures.corrupt("image") from error
            return Page((), skipped=True, warnings=[f"page_broken: image {number + 1} could not be read"])
        return self._recogniser.page(image, number + 1)


def prepared(image: Any) -> ocr.Image:
    """A frame as the camera was held, on white where it is transparent, in greys, a small one enlarged; as PGM."""
    from PIL import ImageOps

    grey = ImageOps.exif_transpose(_grey(image))
    if min(grey.size) and max(grey.size) < _SMALL_PIXELS:
        grey = grey.resize((grey.width * _ENLARGED, grey.height * _ENLARGED))
    buffer = io.BytesIO()
    grey.save(buffer, format="PPM")
    return ocr.Image(buffer.getvalue(), grey.width, grey.height)


def _grey(image: Any) -> Any:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return _narrowed(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        grey = Image.alpha_composite(white, layered).convert("L")
    else:
        # A conversion to grey keeps no more than the tag that says how the camera was held.
        grey = (image.convert("RGB") if image.mode not in ("1", "L", "RGB") else image).convert("L")
    grey.info["exif"] = image.getexif().tobytes()
    return grey


def _narrowed(image: Any) -> Any:
    """Greys of 16 and 32 bits in eight: by the format's range, by what is there where it has none."""
    wide = image.convert("F")
    low, high = (0, _SIXTEEN_BITS) if "16" in image.mode else wide.getextrema()
    scale = 255 / ((high - low) or 1)
    return wide.point(lambda each: each * scale - low * scale).convert("L")


def _too_many_pixels() -> TooLarge:
    return TooLarge(f"The image has more than {_MAX_PIXELS // 10**6} million pixels. Scale it down.")
