"""The lead boxes of all pages, each cut from the full picture at its own scale and kept in one file."""

import os
import warnings
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgstudy import files
from ecgstudy.data import images
from ecgstudy.data.manifest import Pages
from ecgstudy.pages import layout
from ecgstudy.vocabulary import LEADS

RECIPE = "1"  # raised when the same page would give other boxes
BOXES = (*LEADS, "strip")  # what stands in which place
_EMPTY = 255  # paper, where a page does not show a lead


@dataclass(frozen=True)
class LeadCache:
    """Lead boxes of distinct pages.

    Attributes:
        leads: uint8, shape `(pages, 13, height, width, 3)`, in the order of `BOXES`.
        present: float32, shape `(pages, 13)`: 1 where the page shows the lead, else 0.
        page_ids: which page stands in which row.
        key: hash of the pages and of how they were cut.
    """

    leads: np.ndarray
    present: np.ndarray
    page_ids: tuple[str, ...]
    key: str


def cut_leads(picture: np.ndarray, *, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The twelve leads and the rhythm strip of one page, each brought to one size.

    Args:
        picture: uint8 RGB, a whole page or its waveform area.
        height: of a box, pixels.
        width: of a box, pixels.

    Returns:
        Boxes `(13, height, width, 3)`, white where there is none, and 1 or 0 for each.

    Raises:
        LayoutError: it is no page of a known layout.
    """
    found = layout.find_layout(picture)
    places = {**found.leads, **({"strip": found.strip} if found.strip is not None else {})}
    boxes = np.full((len(BOXES), height, width, 3), _EMPTY, np.uint8)
    for number, name in enumerate(BOXES):
        if name in places:
            part = picture[places[name].pixels(*picture.shape[:2])]
            boxes[number] = images.resize(np.ascontiguousarray(part), height, width)
    return boxes, np.array([name in places for name in BOXES], np.float32)


def cached_leads(
    pages: Pages, *, height: int, width: int, folder: Path, progress: Callable[[str], None] = lambda line: None
) -> LeadCache:
    """The lead boxes of all distinct pages, from `folder` if they are there, else made and kept there.

    A page without a known layout has no lead; it is kept, empty, and a warning tells how many there are.
    """
    page_ids = tuple(sorted(pages.distinct["page_id"]))
    key = files.content_hash(RECIPE, images.RECIPE, pages.data_hash, str(height), str(width))
    path, card = Path(folder) / f"leads-{key}.npy", Path(folder) / f"leads-{key}.npz"
    present = _read(card, path)
    if present is None:
        progress(f"cutting the leads of {len(page_ids)} pages")
        made: list[np.ndarray] = []
        files.write_atomically(path, lambda temporary: made.append(_fill(temporary, pages, page_ids, height, width)))
        present = made[0]
        digest = files.file_hash(path)
        files.write_atomically(card, lambda temporary: np.savez(temporary, present=made[0], sha256=digest))
    empty = int(np.sum(~present.any(axis=1)))
    if empty:
        warnings.warn(
            f"{empty} pages show no lead box that could be found; a model of leads sees them empty", stacklevel=2
        )
    return LeadCache(np.load(path, mmap_mode="r"), present, page_ids, key)


def _read(card: Path, path: Path) -> np.ndarray | None:
    """Which leads are present, if the cache is whole; a damaged one counts as missing."""
    try:
        with np.load(card, allow_pickle=False) as facts:
            return facts["present"] if str(facts["sha256"]) == files.file_hash(path) else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _fill(path: Path, pages: Pages, page_ids: Sequence[str], height: int, width: int) -> np.ndarray:
    shape = (len(page_ids), len(BOXES), height, width, 3)
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    files.take_place(path)
    present = np.zeros(shape[:2], np.float32)

    def fill(row: int) -> None:
        try:
            target[row], present[row] = cut_leads(pages.picture(page_ids[row]), height=height, width=width)
        except layout.LayoutError:
            target[row] = _EMPTY

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(page_ids))):
            pass
    target.flush()
    return present
