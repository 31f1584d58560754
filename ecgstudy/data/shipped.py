"""The pages inside the package: packed from the public originals, read without unpacking.

A packed page is the waveform area alone, at a third of the original scale, as WebP. Header and footer, and with
them record numbers, dates and the device's printed diagnosis, are not in it.
"""

import functools
import io
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import PIL.Image

from ecgstudy import files
from ecgstudy.data import pictures, sources
from ecgstudy.data.manifest import Pages
from ecgstudy.pages import layout
from ecgstudy.pages.paper import SHEETS
from ecgstudy.vocabulary import MANIFEST_COLUMNS, choose

ARCHIVES = ("selected_pages.zip", "unseen_pages.zip")
REDUCTION = 3  # the scale of packed pages is the original's divided by this
QUALITY = 40  # of WebP; below it the trace's centre line begins to move
_EXTRA_COLUMNS = ("label_v1", "printed_bpm", "month", "lead_off", "low_quality", "strip_lead")
_TAIL, _DOT, _INK = 12, 4, 128  # rows of an original below the frame's edge, pixels of a grid dot, darkest paper
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of all members, so that packing twice gives the same bytes


def load_pages(which: Literal["selected", "complete"] = "selected", *, unseen: bool = False) -> Pages:
    """The packed pages, region `grid`.

    Args:
        which: `selected` are the 928 files of version 2, copies as separate rows of one `page_id`; `complete` are
            the 1,426 distinct pages of version 1 at hand, one row each.
        unseen: with `selected`, add the 935 pages that were left out of it, `selected` False.

    Raises:
        ValueError: another word than these two.
    """
    choose("set of pages", which, ("selected", "complete"))
    table = sources.public_set()
    if which == "selected":
        rows = table[table["selected"] | unseen]
        rows = rows.loc[rows.index.repeat(rows["copies"].clip(lower=1))]
    else:
        rows = table
    rows = rows.sort_values(["selected", "page_id"], ascending=[False, True], kind="stable").reset_index(drop=True)
    copy = rows.groupby("page_id").cumcount() + 1
    rows["path"] = rows["label"] + "/" + rows["page_id"] + "-" + copy.astype(str) + ".webp"
    sizes = [_size(page_id, name) for page_id, name in zip(rows["page_id"], rows["layout"], strict=True)]
    rows[["width", "height"]] = np.array(sizes)
    return Pages(rows[[*MANIFEST_COLUMNS, *_EXTRA_COLUMNS]].copy(), "grid", _read)


def _size(page_id: str, layout_name: str) -> tuple[int, int]:
    """Width and height; only the frames of `6x2grid` and `other` differ from page to page."""
    if layout_name not in ("3x4", "6x2plain"):
        with PIL.Image.open(io.BytesIO(member(page_id)), formats=("WEBP",)) as image:
            return image.size
    left, top, right, bottom = SHEETS[layout_name].frame
    return round((right - left) / REDUCTION), round((bottom - top) / REDUCTION)


def _read(path: str) -> np.ndarray:
    """The picture of a row's path: uint8 RGB."""
    page_id = path.rpartition("/")[2].rpartition("-")[0]
    with PIL.Image.open(io.BytesIO(member(page_id)), formats=("WEBP",)) as image:
        return np.asarray(image.convert("RGB"))


def member(page_id: str) -> bytes:
    """The WebP of one page, as the archives hold it."""
    name = f"{page_id}.webp"
    return _archive_of()[name].read(name)  # ZipFile itself takes turns between threads


def archive_path(name: str) -> Path:
    """Where one of `ARCHIVES` lies."""
    return Path(__file__).parent / name


@functools.cache
def _archive_of() -> Mapping[str, zipfile.ZipFile]:
    """Name of a member -> the open archive that has it."""
    archives = [zipfile.ZipFile(archive_path(name)) for name in ARCHIVES]
    return {name: archive for archive in archives for name in archive.namelist()}


def pack(
    selected: Path, complete: Path, destination: Path, *, progress: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Make the two archives from the originals; the same originals give the same bytes.

    Args:
        selected: folder with the files of version 2, in any order and depth.
        complete: folder with the files of version 1.
        destination: folder for `selected_pages.zip` and `unseen_pages.zip`.
        progress: told one line per archive.

    Raises:
        ValueError: a page of the public set is missing from the folders.
    """
    table = sources.public_set()
    found = {**originals(complete), **originals(selected)}
    missing = table.loc[~table["sha256"].isin(list(found)), "page_id"].tolist()
    if missing:
        raise ValueError(f"{complete}: {len(missing)} of {len(table)} pages are missing, first {missing[0]}")
    made = []
    for name, rows in zip(ARCHIVES, (table[table["selected"]], table[~table["selected"]]), strict=True):
        progress(f"packing {len(rows)} pages into {name}")
        paths = {page_id: found[sha256] for page_id, sha256 in zip(rows["page_id"], rows["sha256"], strict=True)}
        made.append(write_archive(paths, Path(destination) / name))
    return made


def originals(folder: Path) -> dict[str, Path]:
    """SHA-256 -> path of all pictures below a folder."""
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return {files.file_hash(path): path for path in paths}


def write_archive(paths: Mapping[str, Path], archive: Path) -> Path:
    """Pack originals, given by `page_id`, into one archive of `<page_id>.webp`."""

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as target, ThreadPoolExecutor() as pool:
            page_ids = sorted(paths)
            packed = pool.map(lambda page_id: encode(packed_picture(pictures.read_picture(paths[page_id]))), page_ids)
            for page_id, data in zip(page_ids, packed, strict=True):
                target.writestr(zipfile.ZipInfo(f"{page_id}.webp", _EARLIEST), data)

    return files.write_atomically(archive, write)


def packed_picture(page: np.ndarray) -> np.ndarray:
    """The waveform area of a whole page at a third of its scale: uint8 RGB, 412 x 703 for `3x4`.

    The area begins at the upper edge of the frame, so what `6x2grid` prints above it, the device's reading, is
    left out; peaks that rise above the frame are cut off with it.

    Raises:
        LayoutError: the page's layout is not known.
    """
    return crop(page, layout.find_layout(page))


def crop(page: np.ndarray, where: layout.PageLayout) -> np.ndarray:
    """As `packed_picture`, for a page whose layout is known."""
    rows, columns = where.frame.pixels(*page.shape[:2])
    area = page[rows, columns]
    if where.name == "6x2grid":
        area = without_tails(area)
    size = round(area.shape[1] / REDUCTION), round(area.shape[0] / REDUCTION)
    return cv2.resize(area, size, interpolation=cv2.INTER_AREA)


def without_tails(area: np.ndarray) -> np.ndarray:
    """A waveform area without what hangs into it from above: tails of letters of a reading that reaches the frame.

    Ink in the uppermost rows that is more than a dot of the grid and that no ink below continues becomes paper.
    """
    near = area[: 3 * _TAIL]
    ink = (near.max(axis=2) < _INK).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    bottom = stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT]
    tails = [n for n in range(1, count) if bottom[n] <= _TAIL and stats[n, cv2.CC_STAT_AREA] > _DOT]
    if not tails:
        return area
    letters = cv2.dilate(np.isin(pieces, tails).astype(np.uint8), np.ones((5, 5)))[:_TAIL].astype(bool)  # soft edges
    area = area.copy()
    paper = np.median(area[:_TAIL], axis=1, keepdims=True).astype(np.uint8)  # frame and grid run along the rows
    area[:_TAIL] = np.where(letters[..., None], paper, area[:_TAIL])
    return area


def encode(picture: np.ndarray) -> bytes:
    """WebP of a picture."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture).save(buffer, "WEBP", quality=QUALITY, method=6)
    return buffer.getvalue()
