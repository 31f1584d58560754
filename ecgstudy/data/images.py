"""Pictures as the models see them: cropped, resized once, and kept in a memory-mapped file.

The cache is keyed by what the pages are and how they are cut; a second run decodes nothing. NumPy only.
"""

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image

from ecgstudy import files
from ecgstudy.data.manifest import Pages
from ecgstudy.pages import layout

RECIPE = "1"  # raised when the same page would give another picture
REGIONS = ("page", "grid", "redrawn")


@dataclass(frozen=True)
class PictureCache:
    """Resized pictures of distinct pages.

    Attributes:
        pictures: uint8, shape `(pages, height, width, 3)`, memory-mapped and read-only.
        page_ids: which page stands in which row.
        key: hash of the pages and of how they were cut.
    """

    pictures: np.ndarray
    page_ids: tuple[str, ...]
    key: str

    def rows(self, page_ids: Sequence[str]) -> np.ndarray:
        """Row numbers of pages, int, shape `(len(page_ids),)`.

        Raises:
            ValueError: a page is not in the cache.
        """
        number = {page: row for row, page in enumerate(self.page_ids)}
        missing = [page for page in page_ids if page not in number]
        if missing:
            raise ValueError(f"page {missing[0]} has no cached picture; `es.open_study(study)` makes the cache anew")
        return np.array([number[page] for page in page_ids], dtype=np.int64)


class UnreadableError(ValueError):
    """Pages whose region cannot be made.

    Attributes:
        reasons: `page_id` -> why.
    """

    def __init__(self, reasons: Mapping[str, str]):
        self.reasons = dict(reasons)
        page, reason = next(iter(self.reasons.items()))
        more = f" (and {len(self.reasons) - 1} more pages)" if len(self.reasons) > 1 else ""
        super().__init__(f"page {page}: {reason}{more}")


def region_picture(picture: np.ndarray, region: str, *, source_region: str) -> np.ndarray:
    """The part of a picture that a model is to see.

    Args:
        picture: uint8 RGB `(height, width, 3)`.
        region: `page`, `grid`, `redrawn`, or a box `left,top,right,bottom` in fractions of the page.
        source_region: what `picture` shows: `page`, or `grid` as packed pages do.

    Returns:
        uint8 RGB, at the scale of the picture.

    Raises:
        ValueError: the region is not on this picture, or unknown; the layout was not recognised.
    """
    if region == "redrawn":
        from ecgstudy.pages.redraw import redraw

        return redraw(picture)
    if region == source_region:
        return picture
    if source_region != "page":
        raise ValueError(f"region {region!r} is not on packed pages, which hold the grid alone; use the original pages")
    box = layout.find_layout(picture).frame if region == "grid" else _box(region)
    return picture[box.pixels(*picture.shape[:2])]


def check_region(region: str) -> str:
    """Give a region back if there is such a one.

    Raises:
        ValueError: neither a word of `REGIONS` nor a box on the page.
    """
    if region not in REGIONS:
        _box(region)
    return region


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture at another size, anti-aliased (Lanczos), uint8 RGB `(height, width, 3)`.

    Always from the full picture: a JPEG decoded at half its scale would be three times as fast, but on real pages
    the result differs by 2 grey levels on average (3.7 at a quarter), because the grid's dots fade.
    """
    image = PIL.Image.fromarray(picture).resize((width, height), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(image)


def cached_pictures(
    pages: Pages,
    *,
    region: str,
    height: int,
    width: int,
    folder: Path,
    progress: Callable[[str], None] = lambda line: None,
) -> PictureCache:
    """The resized pictures of all distinct pages, from `folder` if they are there, else made and kept there.

    Raises:
        UnreadableError: pages are to be redrawn whose traces cannot be read; `usable_pages` leaves them out.
        ValueError: a picture cannot be read or has no such region; the message names its page.
    """
    path, card, key = _place(pages, region, height, width, folder)
    page_ids = _page_ids(pages)
    found = _open(path, card, key, page_ids)
    if found is None:
        progress(f"reading {len(page_ids)} pages")
        bad: dict[str, str] = {}
        files.write_atomically(path, lambda temporary: _fill(temporary, pages, page_ids, region, height, width, bad))
        found = _keep(path, card, key, page_ids, bad)
    cache, unreadable = found
    if unreadable:
        raise UnreadableError(unreadable)
    return cache


def usable_pages(
    pages: Pages,
    *,
    region: str,
    height: int,
    width: int,
    folder: Path,
    strict: bool,
    progress: Callable[[str], None] = lambda line: None,
) -> Pages:
    """The pages whose region can be made; their pictures are in the cache afterwards.

    Args:
        strict: stop at pages that cannot be used instead of leaving them out with a warning.

    Raises:
        UnreadableError: there are such pages, and `strict`; or there are no others.
        ValueError: as `cached_pictures`.
    """
    try:
        cached_pictures(pages, region=region, height=height, width=width, folder=folder, progress=progress)
        return pages
    except UnreadableError as error:
        bad = pages.manifest["page_id"].isin(list(error.reasons))
        if strict or bad.all():
            raise
        rows = pages.manifest[bad]
        named = tuple((path, error.reasons[page]) for path, page in zip(rows["path"], rows["page_id"], strict=True))
    warnings.warn(f"{len(named)} files are left out; the first is {': '.join(named[0])}", stacklevel=2)
    left = replace(pages, manifest=pages.manifest[~bad].reset_index(drop=True), bad_files=(*pages.bad_files, *named))
    _copy(pages, left, region=region, height=height, width=width, folder=folder)
    return left


def _page_ids(pages: Pages) -> tuple[str, ...]:
    """Which page stands in which row."""
    return tuple(sorted(pages.distinct["page_id"]))


def _place(pages: Pages, region: str, height: int, width: int, folder: Path) -> tuple[Path, Path, str]:
    """Where the pictures and their card lie, and their key."""
    key = files.content_hash(RECIPE, pages.data_hash, region, str(height), str(width))
    return Path(folder) / f"pictures-{key}.npy", Path(folder) / f"pictures-{key}.json", key


def _open(path: Path, card: Path, key: str, page_ids: Sequence[str]) -> tuple[PictureCache, dict[str, str]] | None:
    """The cache if it is whole, and which rows of it are empty, and why; a damaged or half-made one is missing."""
    try:
        facts = json.loads(card.read_text())
        bad = dict(facts.get("unreadable", {}))
        same = facts["page_ids"] == list(page_ids) and bad.keys() <= set(page_ids)
        if same and facts["sha256"] == files.file_hash(path):
            return PictureCache(np.load(path, mmap_mode="r"), tuple(page_ids), key), bad
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    return None


def _keep(
    path: Path, card: Path, key: str, page_ids: Sequence[str], bad: Mapping[str, str]
) -> tuple[PictureCache, dict[str, str]]:
    """Write the card of pictures that were made, and open them."""
    facts = {"sha256": files.file_hash(path), "page_ids": page_ids} | (
        {"unreadable": dict(sorted(bad.items()))} if bad else {}
    )
    files.write_atomically(card, lambda temporary: temporary.write_text(json.dumps(facts)))
    made = _open(path, card, key, page_ids)
    assert made is not None
    return made


def _copy(pages: Pages, left: Pages, *, region: str, height: int, width: int, folder: Path) -> None:
    """The pictures of the pages that are left, out of the cache of all of them."""
    path, card, key = _place(left, region, height, width, folder)
    page_ids = _page_ids(left)
    if _open(path, card, key, page_ids) is None:
        whole = _open(*_place(pages, region, height, width, folder), _page_ids(pages))
        assert whole is not None
        rows = whole[0].pictures[whole[0].rows(page_ids)]
        files.write_atomically(path, lambda temporary: _save(temporary, rows))
        _keep(path, card, key, page_ids, {})


def _save(path: Path, pictures: np.ndarray) -> None:
    with path.open("wb") as stream:
        np.save(stream, pictures)


def _fill(
    path: Path, pages: Pages, page_ids: tuple[str, ...], region: str, height: int, width: int, bad: dict[str, str]
) -> None:
    """Make all pictures; pages that cannot be redrawn stay black and are written into `bad`, with the reason."""
    from ecgstudy.pages.trace import TraceError

    shape = (len(page_ids), height, width, 3)
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    files.take_place(path)

    def fill(row: int) -> None:
        picture = pages.picture(page_ids[row])
        try:
            target[row] = resize(region_picture(picture, region, source_region=pages.region), height, width)
        except (layout.LayoutError, TraceError) as error:
            if region != "redrawn":
                raise ValueError(f"page {page_ids[row]}: {error}") from None
            bad[page_ids[row]] = str(error)
        except ValueError as error:
            raise ValueError(f"page {page_ids[row]}: {error}") from None

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:  # Pillow decodes and resizes outside the GIL
        for _ in pool.map(fill, range(len(page_ids))):
            pass
    target.flush()


def _box(region: str) -> layout.Box:
    try:
        left, top, right, bottom = (float(part) for part in region.split(","))
    except ValueError:
        raise ValueError(
            f"unknown region {region!r}; choose from {', '.join(REGIONS)}, or a box 'left,top,right,bottom'"
        ) from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(f"box {region!r}: needs 0 <= left < right <= 1 and 0 <= top < bottom <= 1")
    return layout.Box(left, top, right, bottom)
