"""Which layout a page has, and where things are on it: frame, lead boxes, zero lines, the strip and its lead.

Works on upright whole pages and on the waveform area alone, at any scale from a third of the original upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ecgstudy.pages.landmarks import Landmarks, least_width, region_of
from ecgstudy.pages.paper import SHEETS, Sheet
from ecgstudy.vocabulary import LEADS

_SEPARATORS = (644.5, 1136.0, 1627.5)
_NEAR_MM = 2.0  # a calibration pulse of a layout with fixed rows stands so close to its place


class LayoutError(ValueError):
    """The picture is not a page of a known arrangement.

    `reason` is what to tell a person: "too small", "cut off" (rows of an ECG, but not all), or "" (no page at all).
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Box:
    """A rectangle in fractions of the picture; a frame may reach a little outside of 0..1."""

    left: float
    top: float
    right: float
    bottom: float

    def pixels(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of the box on a picture of this size."""
        edges = ((self.top, self.bottom, height), (self.left, self.right, width))
        rows, columns = (slice(*(min(max(round(edge * n), 0), n) for edge in (a, b))) for a, b, n in edges)
        return rows, columns


@dataclass(frozen=True)
class PageLayout:
    """Where things are on one picture; y of zero lines and all boxes in fractions of it."""

    name: str  # 3x4, 6x2plain, 6x2grid or other
    region: str  # "page" (a whole page) or "grid" (the waveform area alone)
    frame: Box
    leads: dict[str, Box]  # in vocabulary.LEADS order: column x row band; empty for `other`
    zero_lines: dict[str, float]
    strip: Box | None
    strip_lead: str | None
    strip_zero_line: float | None
    pixels_per_mm: float  # on this picture


def find_layout(picture: np.ndarray) -> PageLayout:
    """Layout of an upright page or waveform area, measured on the picture.

    The frame is found by its colour, the layout by the black lines between the columns, the zero lines by the
    calibration pulses left of the rows, the strip's lead by its printed name.

    Args:
        picture: uint8 RGB `(height, width, 3)`, at least a third of the original scale.

    Raises:
        LayoutError: it is not a page of this device, or its rows cannot be found; the message has what was measured.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise LayoutError(f"a page is uint8 (height, width, 3), got {picture.dtype} {picture.shape}; decode it as RGB")
    height, width = picture.shape[:2]
    needed = least_width(region_of(height, width))
    if width < 0.9 * needed:
        message = f"the picture is {width} pixels wide, needs {needed}; give it at a larger scale"
        raise LayoutError(message, "too small")
    page = Landmarks(picture)
    found = page.zero_lines()
    name = _name(page, found)
    if name == "other":
        return PageLayout(name, page.region, _frame(page), {}, {}, None, None, None, page.pixels_per_mm)
    if name == "6x2grid" and page.region == "page" and not page.has_frame:
        raise LayoutError("layout 6x2grid, but its red frame was not found: where the waveforms begin differs by page")
    sheet = SHEETS[name]
    rows = len(sheet.rows) + (sheet.strip_zero_line is not None)
    lines = found if name == "6x2grid" else _fixed_rows(page, sheet, found)
    if len(lines) != rows:
        message = f"layout {name} has {rows} rows, found {len(found)} calibration pulses; is the page cut off?"
        raise LayoutError(message, "cut off")
    return _with_rows(page, sheet, lines)


def _name(page: Landmarks, found: list[float]) -> str:
    separators = [page.has_separator(x) for x in _SEPARATORS]
    # steep complexes that overlap can look like a line between columns, so the rows have their say
    if all(separators) and not _fixed_rows(page, SHEETS["6x2plain"], found):
        return "3x4"
    if separators[1]:
        return "6x2plain" if not page.has_frame and _fixed_rows(page, SHEETS["6x2plain"], found) else "6x2grid"
    if page.has_frame and len(found) > 1:
        return "other"
    raise LayoutError(
        f"no known page: {sum(separators)} of 3 lines between columns, {len(found)} calibration pulses, "
        f"{'a' if page.has_frame else 'no'} red frame; give an upright page or its waveform area",
        "cut off" if len(found) > 1 else "",
    )


def _fixed_rows(page: Landmarks, sheet: Sheet, found: list[float]) -> list[float]:
    """Zero lines of a layout whose rows always stand in the same places; a hidden pulse is filled in from the others.

    Empty if fewer than three in four of the rows have a pulse in their place.
    """
    strip = [] if sheet.strip_zero_line is None else [sheet.strip_zero_line]
    usual = np.array([page.y(full) / page.height for full in (*sheet.zero_lines, *strip)])
    if not found:
        return []
    off = np.subtract.outer(np.array(found), usual)  # (found, rows)
    nearest = np.take_along_axis(off, np.abs(off).argmin(axis=0)[None], axis=0)[0]
    is_there = np.abs(nearest) * page.height < _NEAR_MM * page.pixels_per_mm
    if is_there.mean() < 0.75:
        return []
    return (usual + np.where(is_there, nearest, np.median(nearest[is_there]))).tolist()


def _frame(page: Landmarks) -> Box:
    return Box(page.left / page.width, page.top / page.height, page.right / page.width, page.bottom / page.height)


def row_edges(zero_lines: Sequence[float], top: float, bottom: float) -> list[float]:
    """Rows part halfway between their zero lines; the outer ones reach to the frame."""
    return [top, *((above + below) / 2 for above, below in pairwise(zero_lines)), bottom]


def _with_rows(page: Landmarks, sheet: Sheet, lines: list[float]) -> PageLayout:
    frame = _frame(page)
    edges = row_edges(lines, frame.top, frame.bottom)
    columns = [page.x(column) / page.width for column in sheet.columns]
    boxes, zero_lines = {}, {}
    for row, leads in enumerate(sheet.rows):
        for lead, left, right in zip(leads, columns[:-1], columns[1:], strict=True):
            boxes[lead] = Box(left, edges[row], right, edges[row + 1])
            zero_lines[lead] = lines[row]
    has_strip = sheet.strip_zero_line is not None
    return PageLayout(
        name=sheet.name,
        region=page.region,
        frame=frame,
        leads={lead: boxes[lead] for lead in LEADS},
        zero_lines={lead: zero_lines[lead] for lead in LEADS},
        strip=Box(columns[0], edges[-2], columns[-1], edges[-1]) if has_strip else None,
        strip_lead=page.strip_lead(lines, tuple(leads[0] for leads in sheet.rows)) if has_strip else None,
        strip_zero_line=lines[-1] if has_strip else None,
        pixels_per_mm=page.pixels_per_mm,
    )
