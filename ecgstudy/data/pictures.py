"""Picture files: opened safely, in the orientation and the colours that a person sees."""

import contextlib
import io
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL.Image
import PIL.ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
MOST_PIXELS = 100_000_000  # a page scanned at 600 dots per inch has 35 million

_ORIENTATION = 0x0112  # of EXIF; 1 is upright
_DAMAGED = (  # what Pillow's readers raise on damaged bytes, as found by a fuzz of all formats
    OSError, ValueError, SyntaxError, EOFError, OverflowError, LookupError, TypeError, struct.error, zlib.error,
)  # fmt: skip


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height from a file's header, without decoding it.

    Raises:
        ValueError: cannot be opened, not a picture of an allowed format, or too large to open safely.
    """
    with _file(path) as content, _image(content, path) as image:
        return image.size


def read_picture(path: Path) -> np.ndarray:
    """A picture as uint8 RGB `(height, width, 3)`, turned as its EXIF says, transparency on white.

    Of a file with several pictures (animated, or pages of a TIFF) the first.

    Raises:
        ValueError: cannot be opened, not a picture of an allowed format, damaged, or too large to open safely.
    """
    with _file(path) as content, _image(content, path) as image:
        return _decoded(image, path)


def decode_picture(content: bytes, name: str) -> np.ndarray:
    """The same from the bytes of a file; `name` stands in messages.

    Raises:
        ValueError: as `read_picture`.
    """
    with _image(io.BytesIO(content), Path(name)) as image:
        return _decoded(image, Path(name))


@contextlib.contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open; a pipe would be waited for, a folder is none."""
    try:
        kind = Path(path).stat().st_mode
        if not stat.S_ISREG(kind):
            raise ValueError(f"{path}: a {'folder' if stat.S_ISDIR(kind) else 'device or pipe'}, not a picture")
        content = Path(path).open("rb")  # noqa: SIM115
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be opened ({error.strerror})") from None
    with content:
        yield content


def _image(content: BinaryIO, path: Path) -> PIL.Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)  # the limit below is ours
            image = PIL.Image.open(content, formats=FORMATS)
    except PIL.UnidentifiedImageError:
        raise ValueError(f"{path}: not a picture ({', '.join(FORMATS)} are read)") from None
    except PIL.Image.DecompressionBombError:
        raise ValueError(f"{path}: larger than {MOST_PIXELS:,} pixels") from None
    except _DAMAGED as error:
        raise _damaged(path, error) from None
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{path}: {image.width} x {image.height} is larger than {MOST_PIXELS:,} pixels")
    return image


def _decoded(image: PIL.Image.Image, path: Path) -> np.ndarray:
    try:
        upright = image.getexif().get(_ORIENTATION, 1) == 1  # nearly always: then no copy of ten megabytes is made
        return np.asarray(_to_rgb(image if upright else PIL.ImageOps.exif_transpose(image)))
    except _DAMAGED as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: a damaged picture ({' '.join(str(error).split())})")


def _to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode in ("I", "I;16", "F"):  # 16 bits a pixel: Pillow's own conversion clips instead of scaling
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0).clip(0)
        image = PIL.Image.fromarray((255 * values / max(values.max(), 1)).astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        paper = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(paper, image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")
