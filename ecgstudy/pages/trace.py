"""Picture of a page -> the signals of its 12 leads in millivolts.

The picture is straightened, its layout is found, and in each lead's part of it the cheapest path through the
ink is followed from left to right (`paths`). The ink around the path says where the pen was (`strokes`); where
traces of two rows meet, it is divided (`crossings`). What cannot be read is NaN.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage

from ecgstudy.pages import calibration, crossings, lanes, layout, straighten
from ecgstudy.pages.ink import ink
from ecgstudy.pages.lanes import STRIP, Lane
from ecgstudy.pages.paths import follow
from ecgstudy.pages.strokes import INK, Runs, heights

SAMPLING_RATE = 250.0  # Hz, of every traced signal, whatever the picture's scale
_FINEST_PIXELS_PER_MM = 5.0  # coarser pictures are enlarged before edges are read
_LEVEL_QUANTILE = 0.1  # of the thickness of the ink
_NEAR_PIXELS, _FAR_PIXELS = 6, 70  # a path may miss the ink by so much, on a level and on a steep stroke
_BAND_SECONDS, _BAND_PENS = 0.3, 6  # a band of ink so long and so thick is no trace
_SPECKS = 0.3  # of a lead, if so little was read, other traces and letters are
_NO_TRACE = 0.2  # a page of which no lead is read better than this has none
_REACH_MV = 4.5  # how far from its zero line a trace is followed


class TraceError(ValueError):
    """No trace can be read from the picture."""


@dataclass(frozen=True)
class Traced:
    """The signals of one page."""

    signals: dict[str, np.ndarray]  # lead -> float64 millivolts, NaN where it cannot be read
    sampling_rate: float  # Hz
    quality: dict[str, float]  # lead -> share of its columns that were read beyond doubt, 0..1
    clipped: dict[str, float]  # lead -> share of its columns that the picture's edge cuts
    strip: np.ndarray | None  # the rhythm strip, float64 millivolts
    strip_lead: str | None
    strip_quality: float
    layout: layout.PageLayout
    calibration: float  # millimetres per millivolt, measured on the calibration pulses; NaN without pulses
    turned: float  # degrees by which the picture was turned back

    @property
    def seconds(self) -> float:
        """Length of one lead."""
        return len(next(iter(self.signals.values()))) / self.sampling_rate


def trace(picture: np.ndarray) -> Traced:
    """Read the signals of a page.

    Args:
        picture: uint8 RGB, shape `(height, width, 3)`: a whole page or its waveform area, from a third of the
            original scale upwards, turned by up to five degrees or photographed at a slight angle.

    Returns:
        Signals in millivolts at 250 Hz, with a quality for each lead.

    Raises:
        LayoutError: no known arrangement of leads is recognised; the message has what was measured.
        TraceError: the arrangement is known, but no trace stands in it.
    """
    upright = straighten.straighten(picture)
    return trace_upright(upright.picture, layout.find_layout(upright.picture), turned=upright.turned)


def trace_upright(picture: np.ndarray, where: layout.PageLayout, *, turned: float = 0.0) -> Traced:
    """As `trace`, for an upright picture whose layout is known."""
    if not where.leads:
        raise TraceError(f"the page's arrangement is {where.name!r}: it is not known where its leads are")
    dark, fine = _working_ink(picture, where.pixels_per_mm)
    pixels_per_mm = where.pixels_per_mm * len(fine) / len(picture)
    found = lanes.on_separators(lanes.lanes(where, fine.shape, pixels_per_mm), fine, pixels_per_mm)
    measured = calibration.measure_pulses(fine, found, pixels_per_mm)
    pixels_per_mv = pixels_per_mm * calibration.gain(measured)
    separators = lanes.separator_columns(fine >= INK, found, pixels_per_mm)
    rows = _follow_all(dark, len(fine) / len(dark), found, separators, pixels_per_mv)
    read = _read(fine, rows, found, separators)
    signals = {
        lane.name: _signal(lane, one, pixels_per_mm, pixels_per_mv) for lane, one in zip(found, read, strict=True)
    }
    quality = {lane.name: one.quality for lane, one in zip(found, read, strict=True)}
    if max(quality[lead] for lead in where.leads) < _NO_TRACE:
        raise TraceError(f"no trace in the {len(where.leads)} lead boxes of layout {where.name}: is the page empty?")
    return Traced(
        signals={lead: signals[lead] for lead in where.leads},
        sampling_rate=SAMPLING_RATE,
        quality={lead: quality[lead] for lead in where.leads},
        clipped={lane.name: one.clipped for lane, one in zip(found, read, strict=True)},
        strip=signals.get(STRIP),
        strip_lead=where.strip_lead,
        strip_quality=quality.get(STRIP, 0.0),
        layout=where,
        calibration=measured,
        turned=turned,
    )


def _working_ink(picture: np.ndarray, pixels_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """The ink at the scale at which paths are followed, and at the finer one at which edges are read."""
    dark = ink(picture, pixels_per_mm)
    if pixels_per_mm >= _FINEST_PIXELS_PER_MM:
        half = cv2.resize(dark, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return half, dark
    times = int(np.ceil(_FINEST_PIXELS_PER_MM / pixels_per_mm))
    fine = cv2.resize(dark, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    return dark, np.clip(fine, 0.0, 1.0)


def _follow_all(dark: np.ndarray, times: float, found: list[Lane], separators: np.ndarray,
                pixels_per_mv: float) -> list[np.ndarray]:  # fmt: skip
    """The row of each lane's path in each of its columns, in pixels of the fine picture."""
    rows: list[np.ndarray] = []
    blank = cv2.resize(separators.astype(np.uint8)[None], (dark.shape[1], 1), interpolation=cv2.INTER_AREA)[0] > 0
    for strip in (False, True):
        some = [lane for lane in found if (lane.name == STRIP) == strip]
        if some:
            clear = dark if strip else np.where(blank, np.float32(0), dark)
            rows += _follow_some(clear, times, some, pixels_per_mv)
    return rows


def _follow_some(dark: np.ndarray, times: float, some: list[Lane], pixels_per_mv: float) -> list[np.ndarray]:
    """Paths of lanes of one length."""
    reach = round(_REACH_MV * pixels_per_mv / times)
    width = max(-(-lane.last // int(times)) - int(lane.first / times) for lane in some)
    padded = cv2.copyMakeBorder(dark, reach, reach, 0, width, cv2.BORDER_CONSTANT, value=0)
    strokes, names, corners = [], [], []
    for lane in some:
        top, left = int(lane.zero / times), int(lane.first / times)  # of the part, in padded rows
        strokes.append(padded[top : top + 2 * reach, left : left + width])
        (high, low), (start, stop) = lane.name_rows, lane.name_columns
        in_rows = slice(max(0, int(high / times) - top + reach), max(0, int(low / times) - top + reach + 1))
        names.append((in_rows, slice(max(0, int(start / times) - left), max(0, int(stop / times) - left + 1))))
        corners.append((top - reach, left))
    zero_rows = np.full(len(some), reach)
    paths = follow(np.stack(strokes), zero_rows, pixels_per_mv / times, names)
    return [
        _at_columns(path + top, left, times, lane.columns)
        for path, (top, left), lane in zip(paths, corners, some, strict=True)
    ]


def _at_columns(path: np.ndarray, left: int, times: float, columns: np.ndarray) -> np.ndarray:
    """A path followed at the coarse scale, at columns of the fine one."""
    coarse = np.clip(((columns + 0.5) / times).astype(int) - left, 0, path.size - 1)
    return ((path[coarse] + 0.5) * times).astype(int)


@dataclass(frozen=True)
class _Read:
    """What was read of one lane."""

    rows: np.ndarray  # height of the pen in each column, NaN where it is not known
    quality: float
    clipped: float


def _read(fine: np.ndarray, paths: list[np.ndarray], found: list[Lane], separators: np.ndarray) -> list[_Read]:
    """The pen's height in every lane, from the ink around its path."""
    runs = Runs.of(fine)
    claims = _claims(runs, paths, found, separators)
    pen = _pen_width(claims)
    crossings.settle(claims, pen)
    read = []
    for lane, row in zip(found, _page_rows(found), strict=True):
        part = slice(lane.first, lane.last)
        _forget_name(lane, claims, row, pen)
        upper, lower, doubtful = claims.upper[row, part], claims.lower[row, part], claims.doubtful[row, part]
        cut = (upper < 0.5) | (lower > len(fine) - 1.5)
        unread = doubtful | cut | _solid(upper, lower, pen, len(upper) / lane.seconds)
        upper, lower = (np.where(unread, np.nan, edge) for edge in (upper, lower))
        share = float(np.isfinite(upper).mean())
        rows = heights(upper, lower, pen) if share > _SPECKS else np.full(upper.size, np.nan)
        read.append(_Read(rows, share, float(cut.mean())))
    return read


def _solid(upper: np.ndarray, lower: np.ndarray, pen: float, columns_per_second: float) -> np.ndarray:
    """Columns in a black band, longer than any QRS is wide: mains hum, in which no trace can be seen."""
    thickness = np.nan_to_num(lower - upper)
    lasting = scipy.ndimage.median_filter(thickness, round(_BAND_SECONDS * columns_per_second))
    return lasting > _BAND_PENS * pen


def _page_rows(found: list[Lane]) -> list[int]:
    """The number of each lane's row on the page; lanes with one zero line share a row."""
    zeros = sorted({lane.zero for lane in found})
    return [zeros.index(lane.zero) for lane in found]


def _claims(runs: Runs, paths: list[np.ndarray], found: list[Lane], separators: np.ndarray) -> crossings.Claims:
    """Every row's path with the run of ink it passes through, as if it were alone."""
    page_rows = _page_rows(found)
    zeros = np.array(sorted({lane.zero for lane in found}))
    claims = crossings.Claims.empty(zeros, runs.ink.shape[1])
    for lane, path, row in zip(found, paths, page_rows, strict=True):
        columns = lane.columns
        following = np.append(path[1:], path[-1])
        climbs = scipy.ndimage.maximum_filter1d(abs(following - path), 2 * _NEAR_PIXELS + 1)
        path = runs.nearest_ink(path, columns, np.minimum(_NEAR_PIXELS + climbs, _FAR_PIXELS))
        upper, lower = runs.edges(path, columns)
        if lane.name != STRIP:
            upper[separators[columns]] = np.nan
        claims.high[row, columns], claims.low[row, columns] = np.minimum(path, following), np.maximum(path, following)
        claims.upper[row, columns], claims.lower[row, columns] = upper, lower
        claims.run[row, columns] = np.where(np.isfinite(upper), runs.above[path, columns], -2)
    return claims


def _pen_width(claims: crossings.Claims) -> float:
    """Width of the pen as the edges show it: the level parts of the traces are the thinnest."""
    thickness = (claims.lower - claims.upper)[np.isfinite(claims.upper)]
    if not thickness.size:
        raise TraceError("no ink in any lead's part of the page: is it empty?")
    return float(np.quantile(thickness, _LEVEL_QUANTILE))


def _forget_name(lane: Lane, claims: crossings.Claims, row: int, pen: float) -> None:
    """Where an edge lies among the letters of the lane's name, take the path's own edge instead, in place."""
    part = (row, slice(*(max(0, column) for column in lane.name_columns)))
    high, low = lane.name_rows
    upper, lower = claims.upper[part], claims.lower[part]
    own_upper, own_lower = claims.high[part] - pen / 2, claims.low[part] + pen / 2
    among = (upper > high) & (upper < low)
    claims.upper[part] = np.where(among, np.maximum(upper, own_upper), upper)
    among = (lower > high) & (lower < low)
    claims.lower[part] = np.where(among, np.minimum(lower, own_lower), lower)


def _signal(lane: Lane, read: _Read, pixels_per_mm: float, pixels_per_mv: float) -> np.ndarray:
    """Millivolts at `SAMPLING_RATE` from the lane's begin to its end; NaN next to a column that is not known."""
    millivolts = (lane.zero - (read.rows + 0.5)) / pixels_per_mv
    begin = lane.left + lanes.HALF_PIXEL_MM * pixels_per_mm
    seconds = (lane.columns + 0.5 - begin) / (lane.right - lane.left) * lane.seconds
    wanted = np.arange(round(lane.seconds * SAMPLING_RATE)) / SAMPLING_RATE
    known = np.isfinite(millivolts)
    if not known.any():
        return np.full(wanted.size, np.nan)
    signal = np.interp(wanted, seconds[known], millivolts[known], left=np.nan, right=np.nan)
    readable = np.interp(wanted, seconds, known.astype(float))
    signal[readable < 0.999] = np.nan
    return signal
