"""Where each trace of a page runs: its columns, its zero line, the lead's name printed on top of it.

A lane is one lead's part of the page, or the rhythm strip, in pixels of a working picture. Lanes of one row of
the page share a zero line; lanes of neighbouring rows may cross, and who owns the ink there is settled here.
"""

from dataclasses import dataclass, replace

import numpy as np

from ecgstudy.pages.layout import Box, PageLayout

HALF_PIXEL_MM = 0.5 / 7.87  # columns are given by pixels of the original; a trace begins in the middle of one
_PAGE_SECONDS = 10.0  # of every page at hand: its columns follow each other
STRIP = "strip"  # the name of the rhythm strip's lane
_NAME_WIDTHS_MM = {"I": 1.4, "II": 2.6, "III": 3.6, "aVR": 7.3, "aVL": 7.3, "aVF": 7.3}  # the others: V1 to V6
_CHEST_NAME_WIDTH_MM = 4.6
_NAME_ABOVE_MM = (0.6, 3.9)  # names stand so far above the zero line
_SEPARATOR_WITHIN_MM = 1.2  # of the end of a column
_MISPLACED_MM = 0.25  # of columns on a straightened page; less is how the printer rounds
_SEPARATOR_DARKNESS = 0.7  # share of its height that a separator blackens


@dataclass(frozen=True)
class Lane:
    """One trace's part of a working picture, in pixels."""

    name: str  # a lead, or `STRIP`
    left: float  # x where its time begins
    right: float  # x where it ends
    seconds: float  # from left to right
    first: int  # columns from `first` up to, not including, `last`
    last: int
    zero: float  # row of its zero line
    name_columns: tuple[int, int]  # columns and rows that the printed name may blacken
    name_rows: tuple[int, int]

    @property
    def columns(self) -> np.ndarray:
        """All columns of the lane."""
        return np.arange(self.first, self.last)


def lanes(layout: PageLayout, shape: tuple[int, ...], pixels_per_mm: float) -> list[Lane]:
    """The lanes of a page: leads in the order of the layout, then the strip if there is one."""
    columns = len({round(box.left, 4) for box in layout.leads.values()})
    found = [
        _lane(lead, lead, box, layout.zero_lines[lead], _PAGE_SECONDS / columns, shape, pixels_per_mm)
        for lead, box in layout.leads.items()
    ]
    if layout.strip is not None and layout.strip_zero_line is not None:
        name = layout.strip_lead or "II"
        strip, zero = layout.strip, layout.strip_zero_line
        found.append(_lane(STRIP, name, strip, zero, _PAGE_SECONDS, shape, pixels_per_mm))
    return found


def _lane(
    lane: str, printed: str, box: Box, zero: float, seconds: float, shape: tuple[int, ...], pixels_per_mm: float
) -> Lane:
    height, width = shape
    left, zero_row = box.left * width, zero * height
    name_width = _NAME_WIDTHS_MM.get(printed, _CHEST_NAME_WIDTH_MM)
    low, high = (round(zero_row - mm * pixels_per_mm) for mm in _NAME_ABOVE_MM)
    return Lane(
        name=lane,
        left=left,
        right=box.right * width,
        seconds=seconds,
        first=max(0, round(left)),
        last=min(width, round(box.right * width)),
        zero=zero_row,
        name_columns=(round(left), round(left + name_width * pixels_per_mm)),
        name_rows=(high, low),
    )


def on_separators(found: list[Lane], ink: np.ndarray, pixels_per_mm: float) -> list[Lane]:
    """The lanes moved and stretched sideways so that columns end where the black lines between them stand.

    Args:
        found: as the layout places them.
        ink: in [0, 1], `(height, width)`.
        pixels_per_mm: scale of `ink`.
    """
    leads = [lane for lane in found if lane.name != STRIP]
    top, bottom = (round(edge(lane.zero for lane in leads)) for edge in (min, max))
    expected = sorted({lane.left for lane in leads})[1:]
    known = [
        (at, place - at)
        for at in (left + HALF_PIXEL_MM * pixels_per_mm for left in expected)
        if np.isfinite(place := _separator(ink[max(top, 0) : bottom], at, pixels_per_mm))
    ]
    if not known or max(abs(shift) for _, shift in known) < _MISPLACED_MM * pixels_per_mm:
        return found
    places, shifts = np.array(known).T
    slope, shift = np.polyfit(places, shifts, 1) if len(known) > 2 else (0.0, shifts.mean())
    return [_moved(lane, slope, shift, ink.shape[1]) for lane in found]


def _separator(ink: np.ndarray, near: float, pixels_per_mm: float) -> float:
    """x of the vertical line near a place; NaN if none stands there."""
    reach = round(_SEPARATOR_WITHIN_MM * pixels_per_mm)
    first = max(0, round(near) - reach)
    darkness = ink[:, first : round(near) + reach + 1].mean(axis=0)
    if not darkness.size or darkness.max() < 0.5:
        return float("nan")
    weight = np.clip(darkness - 0.3 * darkness.max(), 0, None)
    return first + float(np.average(np.arange(darkness.size), weights=weight)) + 0.5


def _moved(lane: Lane, slope: float, shift: float, width: int) -> Lane:
    left, right = (edge + slope * edge + shift for edge in (lane.left, lane.right))
    names = tuple(round(edge + slope * edge + shift) for edge in lane.name_columns)
    return replace(
        lane, left=left, right=right, first=max(0, round(left)), last=min(width, round(right)),
        name_columns=(names[0], names[1]),
    )  # fmt: skip


def separator_columns(stroke: np.ndarray, found: list[Lane], pixels_per_mm: float) -> np.ndarray:
    """Columns that a vertical line between two lanes blackens, and one to each side; bool `(width,)`."""
    leads = [lane for lane in found if lane.name != STRIP]
    top, bottom = (round(edge(lane.zero for lane in leads)) for edge in (min, max))
    dark = stroke[max(top, 0) : bottom].mean(axis=0) > _SEPARATOR_DARKNESS
    within = round(_SEPARATOR_WITHIN_MM * pixels_per_mm)
    allowed = np.zeros_like(dark)
    for lane in leads:
        for edge_column in (lane.first, lane.last):
            allowed[max(0, edge_column - within) : edge_column + within + 1] = True
    dark &= allowed
    return dark | np.roll(dark, 1) | np.roll(dark, -1)
