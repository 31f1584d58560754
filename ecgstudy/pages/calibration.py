"""The calibration pulses left of the rows: how many millimetres a millivolt is high."""

import numpy as np

from ecgstudy.pages.lanes import Lane
from ecgstudy.pages.strokes import INK

_TOP_MM = (-5.7, -4.3)  # columns of a pulse's top, left of the lane
_FEET_MM = ((-7.0, -6.4), (-3.6, -3.0))  # columns of its two feet
_HIGHEST_MM = 24.0  # 20 mm/mV is the largest gain that devices print
_LOWEST_MM = 2.5
_GAINS = np.array([2.5, 5.0, 10.0, 20.0])  # what devices print
_NEAREST = 0.06  # a pulse so near to one of them is that one


def measure_pulses(ink: np.ndarray, found: list[Lane], pixels_per_mm: float) -> float:
    """Height of the calibration pulses in millimetres: the median over the rows that show one, NaN if none does.

    Args:
        ink: in [0, 1], `(height, width)`.
        found: the page's lanes; a pulse stands left of the first one of each row.
        pixels_per_mm: scale of `ink`.
    """
    left = min(lane.left for lane in found)
    zeros = sorted({lane.zero for lane in found if lane.left - left < pixels_per_mm})
    heights = [_pulse_height(ink, left, zero, pixels_per_mm) for zero in zeros]
    known = [height for height in heights if np.isfinite(height)]
    return float(np.median(known)) if known else float("nan")


def gain(measured: float) -> float:
    """Millimetres per millivolt to read signals with: the printed gain nearest to the measured pulses.

    Pulses that are near none of the usual gains are taken as they are; without pulses it is 10.
    """
    if not np.isfinite(measured):
        return 10.0
    nearest = float(_GAINS[np.argmin(abs(np.log(_GAINS / measured)))])
    return nearest if abs(measured / nearest - 1) < _NEAREST else measured


def _pulse_height(ink: np.ndarray, left: float, zero: float, pixels_per_mm: float) -> float:
    within = 1.5 * pixels_per_mm
    feet = [_stroke_row(ink, left, foot, zero - within, zero + within, pixels_per_mm) for foot in _FEET_MM]
    foot = float(np.nanmean(feet)) if np.isfinite(feet).any() else float("nan")
    if not np.isfinite(foot):
        return float("nan")
    lowest, highest = foot - _LOWEST_MM * pixels_per_mm, foot - _HIGHEST_MM * pixels_per_mm
    return (foot - _stroke_row(ink, left, _TOP_MM, highest, lowest, pixels_per_mm)) / pixels_per_mm


def _stroke_row(ink: np.ndarray, left: float, span_mm: tuple[float, float], top: float, bottom: float,
                pixels_per_mm: float) -> float:  # fmt: skip
    """Row of the lowest level stroke that fills some columns left of the lanes, NaN if there is none."""
    first, last = (round(left + mm * pixels_per_mm) for mm in span_mm)
    start = max(0, round(top))
    part = ink[start : max(start, round(bottom)), max(0, first) : max(0, last)]
    if not part.size:
        return float("nan")
    darkness = part.mean(axis=1)
    dark = np.flatnonzero(darkness >= INK)
    if not dark.size:
        return float("nan")
    run = dark[dark > dark[-1] - 1.2 * pixels_per_mm]
    rows = np.arange(max(0, run[0] - 1), min(len(darkness), run[-1] + 2))
    return start + float(np.average(rows, weights=darkness[rows] + 1e-9)) + 0.5
