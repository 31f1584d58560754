"""The landmarks of a printed page: red frame, lines between columns, calibration pulses, the strip's printed name.

Everything is looked for on one reduced view, at the scale of the packed pages; what is found is measured again on
the picture itself where that is finer.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from ecgstudy.pages.paper import HEIGHT, PIXELS_PER_MV, SHEETS, WIDTH

_SCALE = 1 / 3
_PAGE_ASPECT = 0.67  # height over width: 0.71 for a whole page, at most 0.64 for a waveform area
_LEFT, _, _RIGHT, _BOTTOM = SHEETS["3x4"].frame  # the same in all layouts; only the top differs
_PULSE_LEFT = 95  # of the calibration pulse, feet included
_BELOW = 2  # rows of the template under the feet of the pulse
_LACKING = 0.3  # of the letter's ink: III lacks at most 0.18 on the pages at hand, hardly any II less than 0.3


def region_of(height: int, width: int) -> str:
    """`page` or `grid`, by the shape of a picture."""
    return "page" if height / width > _PAGE_ASPECT else "grid"


def least_width(region: str) -> int:
    """Pixels across that a picture must have, about."""
    return round((WIDTH if region == "page" else _RIGHT - _LEFT) * _SCALE)


class Landmarks:
    """A picture and its reduced view; coordinates named `x` and `y` are pixels of a full original page."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture
        self.height, self.width = picture.shape[:2]
        self.region = region_of(self.height, self.width)
        width = least_width(self.region)
        self.zoom = self.width / width  # pixels of the picture per pixel of the reduced view
        size = (width, round(self.height / self.zoom))
        self.small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if self.zoom != 1 else picture
        self.ink = _contrast(_darkness(self.small))
        edges = _red_frame(picture, self.small, self.zoom)
        self.has_frame = edges is not None
        self.left, self.top, self.right, self.bottom = edges or self._usual_frame()
        self.scale = (self.right - self.left) / (_RIGHT - _LEFT)  # pixels of the picture per pixel of a full page
        self.pixels_per_mm = PIXELS_PER_MV / 10 * self.scale

    def _usual_frame(self) -> tuple[float, float, float, float]:
        if self.region == "grid":
            return 0, 0, self.width, self.height
        across, down = self.width / WIDTH, self.height / HEIGHT
        left, top, right, bottom = SHEETS["6x2plain"].frame
        return left * across, top * down, right * across, bottom * down

    def x(self, full: float) -> float:
        """Pixels of the picture for an x of a full page."""
        return self.left + (full - _LEFT) * self.scale

    def y(self, full: float) -> float:
        return self.bottom + (full - _BOTTOM) * self.scale

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


def _darkness(picture: np.ndarray) -> np.ndarray:
    """0 for paper and red lines, 1 for black ink: `(height, width)` float32."""
    red, green, blue = (picture[..., channel] for channel in range(3))  # four times as fast as `max(axis=2)`
    return 1 - np.maximum(np.maximum(red, green), blue).astype(np.float32) / 255


def _contrast(darkness: np.ndarray) -> np.ndarray:
    """Stretched so that paper is 0 and the darkest ink about 1: a pale or blurred page looks like a crisp one."""
    some = darkness.ravel()[::7]
    paper, black = np.quantile(some, (0.5, 0.995))
    return ((darkness - paper) / max(black - paper, 0.2)).astype(np.float32)


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
        red = np.flatnonzero(profile > max(0.25 * profile.max(), 4 * np.median(profile), 0.02))
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
