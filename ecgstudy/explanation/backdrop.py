"""What stands behind the ink of a batch of pages: where their leads are, and their own paper with nothing on it.

Methods that take something away put this paper in its place, so that the model sees an emptier page and not a grey
rectangle that no page ever had.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ecgstudy.data import images
from ecgstudy.pages import damage
from ecgstudy.pages.layout import LayoutError, PageLayout, find_layout
from ecgstudy.training.control_pictures import masked_trace

_PACKED_WIDTH = 703  # pixels


@dataclass(frozen=True)
class Backdrop:
    """One entry for each picture of a batch."""

    layouts: tuple[PageLayout, ...]
    paper: np.ndarray  # float32 (batch, height, width, 3): the pages without any ink
    mean: np.ndarray | None = None  # float32 (height, width, 3): the mean of many pages

    def rows(self, chosen: Sequence[int] | np.ndarray) -> "Backdrop":
        """The entries of some pictures, in this order."""
        return replace(self, layouts=tuple(self.layouts[row] for row in chosen), paper=self.paper[np.asarray(chosen)])


def prepare(pictures: Sequence[np.ndarray], *, height: int, width: int) -> tuple[np.ndarray, Backdrop]:
    """Pages at their own scale -> what a model reads, and its backdrop.

    Layout and ink are looked for before a page is made small, where they can still be found.

    Args:
        pictures: uint8 RGB, each `(any height, any width, 3)`, at least a third of the original scale.
        height: of the pictures that the model reads.
        width: likewise.

    Returns:
        uint8 `(batch, height, width, 3)` and the backdrop.

    Raises:
        LayoutError: a picture is no page of a known arrangement, or its leads are unknown; the message says which one.
    """
    parts = []
    for number, picture in enumerate(pictures):
        try:
            parts.append(_prepared(picture, height, width))
        except ValueError as error:
            raise type(error)(f"picture {number}: {error}") from None
    return _together(parts)


def prepare_named(
    pictures: Iterable[tuple[str, np.ndarray]], *, height: int, width: int
) -> tuple[list[str], np.ndarray, Backdrop, dict[str, str]]:
    """As `prepare`, but a picture that is no page stops no other.

    Args:
        pictures: names with pictures.
        height: of the pictures that the model reads.
        width: likewise.

    Returns:
        Names, pictures and backdrop of those that could be prepared, in their order, and for each that could not its
        name and why.
    """
    parts, failed = {}, {}
    for name, picture in pictures:
        try:
            parts[name] = _prepared(picture, height, width)
        except (ValueError, cv2.error) as error:  # OpenCV has its own word for a picture that is too small
            failed[name] = " ".join(str(error).split())
    if not parts:
        nothing = np.zeros((0, height, width, 3))
        return [], nothing.astype(np.uint8), Backdrop((), nothing.astype(np.float32)), failed
    return [*parts], *_together(list(parts.values())), failed


_Prepared = tuple[PageLayout, np.ndarray, np.ndarray]  # layout, what the model reads, its paper


def _prepared(picture: np.ndarray, height: int, width: int) -> _Prepared:
    layout = leads_layout(picture)
    paper = images.resize(_empty_paper(picture, layout), height, width)
    return layout, images.resize(picture, height, width), paper


def _together(parts: Sequence[_Prepared]) -> tuple[np.ndarray, Backdrop]:
    layouts, small, paper = zip(*parts, strict=True)
    return np.stack(small), Backdrop(layouts, np.stack(paper).astype(np.float32))


def _empty_paper(picture: np.ndarray, layout: PageLayout) -> np.ndarray:
    """The page without ink, at the scale of packed pages where it is larger: many times quicker.

    The waveform area is one ink-free piece of its own paper, laid out like tiles: paper that is healed stroke by stroke
    keeps a ghost of the trace, and a network still reads it (`training.control_pictures.masked_trace`).
    """
    times = max(1, round(picture.shape[1] / _PACKED_WIDTH))
    if times > 1:
        size = (round(picture.shape[1] / times), round(picture.shape[0] / times))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        layout = replace(layout, pixels_per_mm=layout.pixels_per_mm / times)
    bare = masked_trace(picture, layout.region)
    if layout.region == "grid":
        return bare
    paper = damage.empty_paper(picture, layout=layout)
    inside = layout.frame.pixels(*picture.shape[:2])
    paper[inside] = images.resize(bare, *paper[inside].shape[:2])
    return paper


def leads_layout(picture: np.ndarray) -> PageLayout:
    """The layout of a page on which all leads have their box.

    Raises:
        LayoutError: there is none.
    """
    layout = find_layout(picture)
    if not layout.leads:
        raise LayoutError(f"layout {layout.name!r} has no known lead boxes; maps of this page can't be read by lead")
    return layout


def lead_parts(layout: PageLayout, height: int, width: int) -> list[tuple[slice, slice]]:
    """Rows and columns of the twelve leads, in the order of `vocabulary.LEADS`, and of the strip where there is one."""
    boxes = [*layout.leads.values(), *([layout.strip] if layout.strip is not None else [])]
    return [box.pixels(height, width) for box in boxes]
