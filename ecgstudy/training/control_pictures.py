"""What controls show of a page: everything but the heart. The same model then learns from that."""

from collections.abc import Callable

import cv2
import numpy as np

from ecgstudy.data import images, shipped
from ecgstudy.data.manifest import Pages
from ecgstudy.pages import damage, layout
from ecgstudy.pages.ink import ink
from ecgstudy.pages.layout import PageLayout
from ecgstudy.pages.paper import WIDTH
from ecgstudy.training import runs
from ecgstudy.vocabulary import choose

_WIDTH = round(WIDTH / shipped.REDUCTION)  # whole pages are shrunk to the scale of packed ones; models see less
_TILE_MM = 10.0  # of paper; every page at hand has a square of that size without ink
_INK_FROM = 0.16  # weaker than that is paper, grid or the noise of compression
_FRAME_MM = 1.2  # the frame's line and a little more


def changed_pages(pages: Pages, variant: str) -> Pages:
    """The selected pages as a control shows them.

    Args:
        pages: of a study.
        variant: one of `PICTURES`.

    Returns:
        Pages whose `region` names the control, so that caches tell their pictures from all others.
    """
    change = PICTURES[choose("control", variant, tuple(PICTURES))]

    def read(path: str) -> np.ndarray:
        try:
            return change(pages.read(path), pages.region)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    selected = pages.manifest[pages.manifest["selected"].astype(bool)]
    return Pages(selected, f"{variant} {runs.VARIANTS}", read)


def masked_trace(picture: np.ndarray, region: str) -> np.ndarray:
    """The waveform area, all of it covered with one ink-free piece of its own paper; its frame stays.

    Covering the strokes alone is not enough: the paper beside and beneath a stroke is left a little smoother or rougher
    than elsewhere, and from that ghost of the trace a network still reaches a balanced accuracy of 0.45 on the
    packed pages (chance is 0.25).
    """
    small = _small(picture) if region == "page" else picture
    area = images.region_picture(small, "grid", source_region=region)
    found = layout.find_layout(area)
    bare = damage.without_trace(area, layout=found)  # the frame, and strokes that cross it
    margin = round(_FRAME_MM * found.pixels_per_mm)
    inside = slice(margin, -margin), slice(margin, -margin)
    bare[inside] = _paper(area[inside], found.pixels_per_mm)
    return bare


def header_only(picture: np.ndarray, region: str) -> np.ndarray:
    """What is printed above the waveform area; peaks that rise into it are taken away."""
    bare, found = _without_heart(picture)
    return bare[damage.header(found).pixels(*bare.shape[:2])]


def footer_only(picture: np.ndarray, region: str) -> np.ndarray:
    """What is printed below the waveform area."""
    bare, found = _without_heart(picture)
    return bare[damage.footer(found).pixels(*bare.shape[:2])]


def border_only(picture: np.ndarray, region: str) -> np.ndarray:
    """The whole page with its waveform area painted white."""
    bare, found = _without_heart(picture)
    bare[found.frame.pixels(*bare.shape[:2])] = 255
    return bare


# control -> what it shows of a picture of a region
PICTURES: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
    "header_only": header_only,
    "footer_only": footer_only,
    "border_only": border_only,
    "masked_trace": masked_trace,
}
WHOLE_PAGE = ("header_only", "footer_only", "border_only")  # these are not on packed pages


def _paper(area: np.ndarray, pixels_per_mm: float) -> np.ndarray:
    """Nothing but paper, as large as a picture: its emptiest square laid out like tiles, the same size on every page.

    A picture without an empty square that large gives its commonest colour.
    """
    half = round(_TILE_MM / 2 * pixels_per_mm)
    written = ink(area, pixels_per_mm) > _INK_FROM
    room = cv2.distanceTransform(np.pad(~written, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(np.argmax(room), room.shape)
    if room[y, x] <= half:
        return np.broadcast_to(np.median(area.reshape(-1, 3), axis=0).astype(np.uint8), area.shape)
    tile = area[y - half : y + half, x - half : x + half]
    down, right = (-(-length // (2 * half)) for length in area.shape[:2])
    return np.tile(tile, (down, right, 1))[: area.shape[0], : area.shape[1]]


def _without_heart(page: np.ndarray) -> tuple[np.ndarray, PageLayout]:
    """A whole page less all ink that hangs on what stands in its waveform area, and its layout."""
    small = _small(page)
    found = layout.find_layout(small)
    return damage.without_trace(small, layout=found), found


def _small(page: np.ndarray) -> np.ndarray:
    height, width = page.shape[:2]
    if width <= _WIDTH:
        return page
    return cv2.resize(page, (_WIDTH, round(height * _WIDTH / width)), interpolation=cv2.INTER_AREA)
