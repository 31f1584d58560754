"""Picture files: opened safely, in the orientation and the colours that a person sees."""

import io
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL.Image
import PIL.ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
MOST_PIXELS = 100_000_000  # a page scanned at 600 dots per inch has 35 million


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height from a file's header, without decoding it.

    Raises:
        ValueError: not a picture of an allowed format, or too large to open safely.
        OSError: the file cannot be opened.
    """
    with _opened(path) as image:
        return image.size


def read_picture(path: Path) -> np.ndarray:
    """A picture as uint8 RGB `(height, width, 3)`, turned as its EXIF says, transparency on white.

    Raises:
        ValueError: not a picture of an allowed format, damaged, or too large to open safely.
        OSError: the file cannot be opened.
    """
    with _opened(path) as image:
        return _decoded(image, path)


def decode_picture(content: bytes, name: str) -> np.ndarray:
    """The same from the bytes of a file; `name` stands in messages.

    Raises:
        ValueError: as `read_picture`.
    """
    with _opened(Path(name), io.BytesIO(content)) as image:
        return _decoded(image, Path(name))


def _decoded(image: PIL.Image.Image, path: Path) -> np.ndarray:
    try:
        return np.asarray(_to_rgb(PIL.ImageOps.exif_transpose(image)))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: a damaged picture ({error})") from None


def _opened(path: Path, content: BinaryIO | None = None) -> PIL.Image.Image:
    path = Path(path)
    if content is None and not path.exists():
        raise ValueError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)  # the limit below is ours
            image = PIL.Image.open(content or path, formats=FORMATS)
    except PIL.UnidentifiedImageError:
        raise ValueError(f"{path}: not a picture ({', '.join(FORMATS)} are read)") from None
    except PIL.Image.DecompressionBombError:
        raise ValueError(f"{path}: larger than {MOST_PIXELS:,} pixels") from None
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{path}: {image.width} x {image.height} is larger than {MOST_PIXELS:,} pixels")
    return image


def _to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode in ("I", "I;16", "F"):  # 16 bits a pixel: Pillow's own conversion clips instead of scaling
        values = np.asarray(image, dtype=np.float64)
        image = PIL.Image.fromarray((255 * values / max(values.max(), 1)).astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        paper = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert("RGB")
