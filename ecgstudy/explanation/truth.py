"""Where a synthetic page shows its class, and how well a map finds it."""

import cv2
import numpy as np

from ecgstudy.explanation.phases import time_spans
from ecgstudy.pages.draw import SyntheticPage
from ecgstudy.pages.layout import Box, PageLayout

_NEAR = 1 / 75  # of the width: a peak so near to the truth counts as a hit (15 pixels of 1125, as in the first paper)


def truth_mask(page: SyntheticPage, height: int, width: int) -> np.ndarray:
    """Where the page shows its class: the leads of its territory, while they differ from a healthy heart's.

    The strip counts where its lead is one of them. Reciprocal changes do not count.

    Returns:
        Bool `(height, width)`; empty for a class that is nowhere (`normal`).
    """
    mask = np.zeros((height, width), dtype=bool)
    for lead in page.recording.territory:
        _mark(mask, page.layout.leads[lead], time_spans(page.layout, lead), page.recording.changed)
    if page.layout.strip is not None and page.layout.strip_lead in page.recording.territory:
        _mark(mask, page.layout.strip, time_spans(page.layout, "strip"), page.recording.changed)
    return mask


def wall_mask(page: SyntheticPage, height: int, width: int) -> np.ndarray:
    """The whole boxes of the leads over the sick wall; bool `(height, width)`, empty where nothing was planted."""
    boxes = [page.layout.leads[lead] for lead in page.recording.territory]
    return np.any([np.zeros((height, width), bool), *(box_mask(box, height, width) for box in boxes)], axis=0)


def box_mask(box: Box, height: int, width: int) -> np.ndarray:
    """A box as a mask, such as a planted mark's; bool `(height, width)`, one pixel at least."""
    mask = np.zeros((height, width), dtype=bool)
    rows, columns = box.pixels(height, width)
    mask[rows.start : max(rows.stop, rows.start + 1), columns.start : max(columns.stop, columns.start + 1)] = True
    return mask


def outside_mask(layout: PageLayout, height: int, width: int) -> np.ndarray:
    """What lies outside of the waveform area: header, footer, margins; bool `(height, width)`."""
    return ~box_mask(layout.frame, height, width)


def pointing_hit(heat: np.ndarray, mask: np.ndarray) -> float:
    """1 if the map's highest point lies in the mask or very near to it, else 0; NaN without a truth or a peak.

    References:
        The pointing game: Zhang et al. 2018, doi:10.1007/s11263-017-1059-x.
    """
    if not mask.any() or not heat.max() > 0:
        return np.nan
    reach = 2 * round(_NEAR * heat.shape[1]) + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool)
    return float(near[heat == heat.max()].mean())


def mass_inside(heat: np.ndarray, mask: np.ndarray) -> float:
    """Share of the map's positive part in the mask; NaN without a truth or a positive part."""
    positive = np.maximum(heat, 0)
    if not mask.any() or not positive.sum() > 0:
        return np.nan
    return float(positive[mask].sum() / positive.sum())


def _mark(mask: np.ndarray, box: Box, span: tuple[float, float], changed: np.ndarray) -> None:
    """Mark in place those columns of a box that lie within the changed intervals (seconds on the page)."""
    height, width = mask.shape
    begin, end = span
    for start, stop in changed:
        left, right = (
            box.left + (np.clip(t, begin, end) - begin) / (end - begin) * (box.right - box.left) for t in (start, stop)
        )
        if right > left:
            rows, columns = Box(left, box.top, right, box.bottom).pixels(height, width)
            mask[rows, columns] = True
