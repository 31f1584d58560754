"""Files that people have -> pictures: JPEG, PNG, WebP, TIFF, and pages of a PDF, from a path or from bytes.

A page of a PDF with several is named as browsers name it: `scan.pdf#page=2`.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from ecgstudy import files
from ecgstudy.data import pictures, sources

PDF = ".pdf"
ENDINGS = sources.ENDINGS | {PDF}
PDF_LONGER_SIDE = 2600  # pixels; a scan of the study's pages has 2213
MOST_PDF_PAGES = 200
_PAGE = re.compile(r"(?P<file>.+\.pdf)#page=(?P<number>\d+)", re.IGNORECASE)


def picture_paths(places: Sequence[str | Path]) -> Iterator[str]:
    """Files as they are named, all pictures below folders, sorted, and every page of a PDF that has several.

    Raises:
        ValueError: there is no such file or folder, or no picture in the folder.
    """
    for place in places:
        path = Path(_PAGE.sub(r"\g<file>", str(place)))
        if not path.exists():
            raise ValueError(f"{place}: no such file or folder")
        if path.is_file():
            yield from _pages(str(place))
            continue
        inside = sorted(found for found in path.rglob("*") if found.suffix.lower() in ENDINGS)
        if not inside:
            raise ValueError(f"{place}: no picture in this folder ({', '.join(sorted(ENDINGS))})")
        for found in inside:
            yield from _pages(str(found))


def read_any(path: str | Path) -> np.ndarray:
    """A picture file or a page of a PDF as uint8 RGB `(height, width, 3)`.

    Raises:
        ValueError: no such file, no picture, or a damaged one.
        OSError: the file cannot be opened.
    """
    file, number = _split(str(path))
    if file.suffix.lower() != PDF:
        return pictures.read_picture(file)
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    return _pdf_page(file, str(path), number)


def decode_any(content: bytes, name: str, *, most_pixels: int = pictures.MOST_PIXELS) -> np.ndarray:
    """The same from the bytes of a file, which is written nowhere.

    Args:
        content: of the file.
        name: of the file; a PDF is known by its content, not by its name.
        most_pixels: larger pictures are refused before they are decoded.
    """
    if content[:1024].lstrip().startswith(b"%PDF"):
        return _pdf_page(content, name, 1)
    width, height = _size(content)
    if width * height > most_pixels:
        raise ValueError(f"{name}: {width} x {height} is larger than {most_pixels:,} pixels")
    return pictures.decode_picture(content, name)


def _size(content: bytes) -> tuple[int, int]:
    """Width and height from a picture's header, without decoding it; 0 x 0 where there is none."""
    try:
        with PIL.Image.open(io.BytesIO(content), formats=pictures.FORMATS) as image:
            return image.size
    except Exception:  # damaged in one of many ways; whoever decodes it says in which
        return 0, 0


def names(paths: Iterable[str]) -> list[str]:
    """What files made of pictures are called: their names without ending, with a number where one stands twice."""
    places = ((path, *_split(path)) for path in paths)
    return files.distinct_names(
        file.stem + (f"-page{number}" if _PAGE.fullmatch(path) else "") for path, file, number in places
    )


def _split(path: str) -> tuple[Path, int]:
    found = _PAGE.fullmatch(path)
    return (Path(found["file"]), int(found["number"])) if found else (Path(path), 1)


def _pages(path: str) -> Iterator[str]:
    """The path itself, or one name per page of a PDF that has several."""
    if not path.lower().endswith(PDF):
        yield path
        return
    try:
        with _document(Path(path), path) as document:
            count = len(document)
    except (ValueError, OSError):
        count = 1  # whoever opens it says what is wrong with it
    if count > MOST_PDF_PAGES:
        raise ValueError(f"{path}: has {count} pages, at most {MOST_PDF_PAGES} are read; name one: {path}#page=1")
    yield from [path] if count < 2 else [f"{path}#page={number}" for number in range(1, count + 1)]


def _document(source: Path | bytes, name: str) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"{name}: not a PDF that can be opened ({error})") from None


def _pdf_page(source: Path | bytes, name: str, number: int) -> np.ndarray:
    import pypdfium2

    with _document(source, name) as document:
        if not 1 <= number <= len(document):
            raise ValueError(f"{name}: page {number} of a PDF with {len(document)} pages")
        try:
            page = document[number - 1]
            longer = max(page.get_size())
            if not longer > 0:
                raise ValueError(f"{name}: an empty page")
            bitmap = page.render(scale=PDF_LONGER_SIDE / longer, may_draw_forms=True)
            return np.array(bitmap.to_pil().convert("RGB"))
        except pypdfium2.PdfiumError as error:  # a document may open although one of its pages is damaged
            raise ValueError(f"{name}: page {number} of this PDF cannot be drawn ({error})") from None
