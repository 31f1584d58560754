"""Which layout a page has, and where things are on it: frame, lead boxes, zero lines, the strip and its lead.

Works on upright whole pages and on the waveform area alone, at any scale from a third of the original upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from ecgstudy.pages.paper import HEIGHT, PIXELS_PER_MV, SHEETS, WIDTH, Sheet
from ecgstudy.vocabulary import LEADS

_SCALE = 1 / 3  # everything is looked for at the scale of the packed pages
_PAGE_ASPECT = 0.67  # height over width: 0.71 for a whole page, at most 0.64 for a waveform area
_LEFT, _, _RIGHT, _BOTTOM = SHEETS["3x4"].frame  # the same in all layouts; only the top differs
_SEPARATORS = (644.5, 1136.0, 1627.5)
_PULSE_LEFT = 95  # of the calibration pulse, feet included


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
        rows = slice(max(0, round(self.top * height)), min(height, round(self.bottom * height)))
        return rows, slice(max(0, round(self.left * width)), min(width, round(self.right * width)))


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
    page = _Page(picture)
    columns = tuple(page.has_separator(x) for x in _SEPARATORS)
    lines = page.zero_lines()
    name = _name(columns, page.has_frame, len(lines))
    if name == "other":
        return PageLayout(name, page.region, page.frame, {}, {}, None, None, None, page.pixels_per_mm)
    sheet = SHEETS[name]
    rows = len(sheet.rows) + (sheet.strip_zero_line is not None)
    if len(lines) != rows:
        message = f"layout {name} has {rows} rows, found {len(lines)} calibration pulses; is the page cut off?"
        raise LayoutError(message, "cut off")
    return _with_rows(page, sheet, lines)


def _name(separators: tuple[bool, ...], has_frame: bool, pulses: int) -> str:
    # steep complexes that overlap can look like a line, so the number of rows has its say
    if all(separators) and pulses < 6:
        return "3x4"
    if separators[1] and pulses > 4:
        return "6x2grid" if has_frame and pulses < 7 else "6x2plain"
    if has_frame and pulses > 1:
        return "other"
    raise LayoutError(
        f"no known page: {sum(separators)} of 3 lines between columns, {pulses} calibration pulses, "
        f"{'a' if has_frame else 'no'} red frame; give an upright page or its waveform area",
        "cut off" if pulses > 1 else "",
    )


def row_edges(zero_lines: Sequence[float], top: float, bottom: float) -> list[float]:
    """Rows part halfway between their zero lines; the outer ones reach to the frame."""
    return [top, *((above + below) / 2 for above, below in pairwise(zero_lines)), bottom]


def _with_rows(page: "_Page", sheet: Sheet, lines: list[float]) -> PageLayout:
    edges = row_edges(lines, page.frame.top, page.frame.bottom)
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
        frame=page.frame,
        leads={lead: boxes[lead] for lead in LEADS},
        zero_lines={lead: zero_lines[lead] for lead in LEADS},
        strip=Box(columns[0], edges[-2], columns[-1], edges[-1]) if has_strip else None,
        strip_lead=page.strip_lead(lines, tuple(leads[0] for leads in sheet.rows)) if has_strip else None,
        strip_zero_line=lines[-1] if has_strip else None,
        pixels_per_mm=page.pixels_per_mm,
    )


class _Page:
    """A picture and its reduced view; coordinates named `x` and `y` are pixels of a full original page."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture
        self.height, self.width = picture.shape[:2]
        self.region = "page" if self.height / self.width > _PAGE_ASPECT else "grid"
        full_width = WIDTH if self.region == "page" else _RIGHT - _LEFT
        width = round(full_width * _SCALE)
        self.zoom = self.width / width  # pixels of the picture per pixel of the reduced view
        size = (width, round(self.height / self.zoom))
        if self.zoom < 0.9:
            message = f"the picture is {self.width} pixels wide, needs {width}; give it at a larger scale"
            raise LayoutError(message, "too small")
        self.small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if self.zoom != 1 else picture
        self.ink = _darkness(self.small)
        edges = _red_frame(picture, self.small, self.zoom)
        self.has_frame = edges is not None
        left, top, right, bottom = edges or self._usual_frame()
        self.frame = Box(left / self.width, top / self.height, right / self.width, bottom / self.height)
        self.scale = (right - left) / (_RIGHT - _LEFT)  # pixels of the picture per pixel of a full page
        self.pixels_per_mm = PIXELS_PER_MV / 10 * self.scale

    def _usual_frame(self) -> tuple[float, float, float, float]:
        if self.region == "grid":
            return 0, 0, self.width, self.height
        across, down = self.width / WIDTH, self.height / HEIGHT
        left, top, right, bottom = SHEETS["6x2plain"].frame
        return left * across, top * down, right * across, bottom * down

    def x(self, full: float) -> float:
        """Pixels of the picture for an x of a full page."""
        return self.frame.left * self.width + (full - _LEFT) * self.scale

    def y(self, full: float) -> float:
        return self.frame.bottom * self.height + (full - _BOTTOM) * self.scale

    def _small(self, pixel: float) -> int:
        return round(pixel / self.zoom)

    def has_separator(self, full: float) -> bool:
        """Is there a black line between columns at this x?"""
        at, top, bottom = self._small(self.x(full)), self._small(self.y(500)), self._small(self.y(1050))
        part = self.ink[max(top, 0) : bottom, at - 5 : at + 6]
        pairs = part[:, 1:] + part[:, :-1]  # the line may fall between two pixels
        return bool((pairs > 0.5).mean(axis=0).max() > 0.85 and part.mean() < 0.5)

    def zero_lines(self) -> list[float]:
        """Fractions of the height at which the calibration pulses stand, from the top."""
        pulse = _pulse()
        height, width = pulse.shape
        left = self._small(self.x(_PULSE_LEFT)) - 4
        strip = self.ink[:, max(left, 0) : left + width + 8]
        strip = cv2.copyMakeBorder(strip, height, 2, 0, 0, cv2.BORDER_REPLICATE)  # a frame may clip the first one
        match = cv2.matchTemplate(strip, pulse, cv2.TM_CCOEFF_NORMED)
        inked = cv2.matchTemplate(strip, pulse, cv2.TM_CCORR) > 0.05 * float((pulse**2).sum())
        match[~inked] = 0  # on blank paper the correlation is 0/0, and anything
        score, column = match.max(axis=1), match.argmax(axis=1)
        nearby = cv2.dilate(score[:, None], np.ones((31, 1)))[:, 0]
        tops = np.flatnonzero((score == nearby) & (score > max(0.45, 0.7 * score.max())))
        tops = tops[tops > _BELOW + 1]  # feet above the picture are none
        return [self._foot(row - _BELOW - 0.5, max(left, 0) + column[row]) / self.height for row in tops]

    def _foot(self, row: float, column: int) -> float:
        """Height in pixels of the picture of the pulse's feet near a row of the reduced view."""
        zoom = self.zoom
        top = max(0, round((row - 3) * zoom))
        rows = slice(top, max(top + 1, round((row + 4) * zoom)))
        feet = [slice(round((column + a) * zoom), round((column + b) * zoom)) for a, b in ((1, 2.5), (10, 11.5))]
        ink = np.minimum(*(_darkness(self.picture[rows, foot]).mean(axis=1) for foot in feet))
        ink = np.clip(ink - 0.2 * ink.max(), 0, None)  # grid dots
        if not ink.any():
            return row * zoom
        return top + 0.5 + float(np.average(np.arange(ink.size), weights=ink))

    def strip_lead(self, lines: Sequence[float], rows: tuple[str, ...]) -> str:
        """II or III, by the third letter of the name printed at the left end of the strip.

        Ink in its place may be a trace as well, so then it is also asked which of the two rows the strip repeats.
        """
        height, width = 31, 19  # around the third letter of III, in pixels of a full page
        corner = self.x(166), lines[-1] * self.height - 32 * self.scale
        onto = np.array([[self.scale, 0, corner[0]], [0, self.scale, corner[1]]])
        part = cv2.warpAffine(self.picture, onto, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        ink = cv2.blur(_darkness(part), (3, 3))
        letter = _letter()
        shown = np.lib.stride_tricks.sliding_window_view(ink, letter.shape)
        lacking = np.clip(letter - shown, 0, None).sum(axis=(2, 3)) / letter.sum()
        if lacking.min() > _LACKING:
            return "II"
        likeness = {lead: self._likeness(lines[-1], lines[rows.index(lead)]) for lead in ("II", "III")}
        return max(likeness, key=lambda lead: likeness[lead])

    def _likeness(self, strip: float, row: float) -> float:
        """Correlation of the ink around two zero lines, over the first column."""
        columns = slice(self._small(self.x(190)), self._small(self.x(630)))
        reach = self._small(66 * self.scale)
        at = [self._small(line * self.height) for line in (strip, row)]
        near, wide = (self.ink[y - r : y + r, columns] for y, r in zip(at, (reach, reach + 2), strict=True))
        return float(cv2.matchTemplate(wide, near, cv2.TM_CCOEFF_NORMED).max())


_LACKING = 0.3  # of the letter's ink: III lacks at most 0.18 on the pages at hand, hardly any II less than 0.3
_BELOW = 2  # rows of the template under the feet of the pulse


def _darkness(picture: np.ndarray) -> np.ndarray:
    """0 for paper and red lines, 1 for black ink: `(height, width)` float32."""
    return 1 - picture.max(axis=2).astype(np.float32) / 255


@lru_cache(maxsize=1)
def _pulse() -> np.ndarray:
    """A calibration pulse as `_darkness` of the reduced view shows it; its feet are `_BELOW` rows above the end."""
    height, width = round(PIXELS_PER_MV) + 5 + 3 * _BELOW, 39
    ink = np.zeros((height + 1, width), dtype=np.float32)
    foot = height - 3 * _BELOW
    ink[foot - 2 : foot + 1, :12] = 1
    ink[foot - 2 : foot + 1, 26:37] = 1
    ink[foot - 80 : foot + 1, 9:12] = 1
    ink[foot - 80 : foot + 1, 25:29] = 1
    ink[foot - 81 : foot - 78, 9:29] = 1
    return cv2.resize(ink, (width // 3, (height + 1) // 3), interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=1)
def _letter() -> np.ndarray:
    """A printed capital I in pixels of a full page, as softened as at the scale of packed pages."""
    ink = np.zeros((23, 11), dtype=np.float32)
    ink[2:21, 4:7] = 1
    ink[[2, 20], 2:9] = 1
    return cv2.blur(cv2.blur(ink, (3, 3)), (3, 3))


def _red_frame(picture: np.ndarray, small: np.ndarray, zoom: float) -> tuple[float, float, float, float] | None:
    """Outer edges left, top, right, bottom of the red frame in pixels of the picture, or None."""
    height, width = small.shape[:2]
    rows = _redness(small[:, width // 5 : -width // 5]).mean(axis=1)
    columns = _redness(small[height // 2 : -height // 8]).mean(axis=0)
    edges = []
    for axis, profile in ((1, columns), (0, rows)):
        red = np.flatnonzero(profile > 0.06)
        if red.size < 2 or red[-1] - red[0] < profile.size // 2:
            return None
        edges.append([_outer_edge(picture, axis, float(red[end]), zoom, end) for end in (0, -1)])
    (left, right), (top, bottom) = edges
    return left, top, right, bottom


def _redness(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture[..., 0].astype(np.float32) - picture[..., 1], 0, None) / 255


def _outer_edge(picture: np.ndarray, axis: int, near: float, zoom: float, end: int) -> float:
    """Where the line begins (end 0) or ends (end -1), seen from outside, in pixels of the picture."""
    size, across = picture.shape[axis], picture.shape[1 - axis]
    low, high = max(0, int((near - 2) * zoom)), min(size, int((near + 3) * zoom) + 1)
    middle = slice(across // 2, across - across // 8)
    part = picture[low:high, middle] if axis == 0 else picture[middle, low:high]
    profile = _redness(part).mean(axis=1 - axis)
    red = np.flatnonzero(profile > 0.5 * profile.max())
    edge = low + red[end] + (end == -1)
    return float(edge)
