"""From a followed path to the height of the pen: what the ink of each column says.

A pen of width w that draws y(x) blackens, in each column, from the lowest to the highest y within half a pen to
both sides, and half a pen more. The upper edge of the ink is therefore a moving minimum of y and the lower edge
a moving maximum. Undone by the opposite operation they bound y from both sides, and the bounds meet wherever y
does not turn within a pen's width. At a narrow peak they part, and the one on the peak's side is exact.
"""

from dataclasses import dataclass

import numpy as np

INK = 0.4  # what is at least so dark is a stroke
# In widths of the pen, where half of one is meant: less what soft edges swallow, generously, and for sharp tips.
_REACH, _WIDE, _TIP = 0.3, 0.5, 0.25


@dataclass(frozen=True)
class Runs:
    """The unbroken vertical runs of ink in each column of a picture."""

    ink: np.ndarray  # (height, width)
    above: np.ndarray  # (height, width): the last row without ink at or above each pixel, -1 if none
    below: np.ndarray  # (height, width): the first row without ink at or below each pixel, height if none

    @classmethod
    def of(cls, ink: np.ndarray) -> "Runs":
        height = len(ink)
        row = np.arange(height, dtype=np.int16)[:, None]
        stroke = ink >= INK
        above, below = np.where(stroke, np.int16(-1), row), np.where(stroke, np.int16(height), row)
        for y in range(1, height):  # row by row, which is faster than `accumulate` along columns
            np.maximum(above[y], above[y - 1], out=above[y])
        for y in range(height - 2, -1, -1):
            np.minimum(below[y], below[y + 1], out=below[y])
        return cls(ink, above, below)

    def nearest_ink(self, rows: np.ndarray, columns: np.ndarray, within: np.ndarray) -> np.ndarray:
        """The nearest rows on ink, no further away than `within` rows; a row without any stays as it is."""
        last = len(self.ink) - 1
        nearest = np.clip(rows, 0, last)
        astray = np.flatnonzero(self.ink[nearest, columns] < INK)
        for step in range(1, int(within.max()) + 1):
            astray = astray[within[astray] >= step]
            for side in (-step, step):
                if not astray.size:
                    return nearest
                there = np.clip(rows[astray] + side, 0, last)
                found = self.ink[there, columns[astray]] >= INK
                nearest[astray[found]] = there[found]
                astray = astray[~found]
        return nearest

    def edges(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Upper and lower edge of the run at each pixel, between pixels; NaN where there is no ink."""
        above, below = self.above[rows, columns], self.below[rows, columns]
        on_ink = above < rows
        upper = self._crossing(above, above + 1, columns)
        lower = self._crossing(below, below - 1, columns)
        return np.where(on_ink, upper, np.nan), np.where(on_ink, lower, np.nan)

    def _crossing(self, outside: np.ndarray, inside: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Where darkness passes `INK` between a pixel of paper and its neighbour in the stroke."""
        last = len(self.ink) - 1
        pale = self.ink[np.clip(outside, 0, last), columns]
        dark = self.ink[np.clip(inside, 0, last), columns]
        share = np.clip((INK - pale) / np.maximum(dark - pale, 1e-6), 0.0, 1.0)
        return outside + share * (inside.astype(float) - outside)


def heights(upper: np.ndarray, lower: np.ndarray, pen: float) -> np.ndarray:
    """Height of the pen in each column, from the edges of its ink.

    Args:
        upper, lower: rows of the edges, shape `(width,)`, NaN where there is no ink.
        pen: width of the pen in pixels, as the edges show it on level parts.

    Returns:
        float rows, shape `(width,)`, NaN where there is no ink.
    """
    highest, lowest = upper + pen / 2, lower - pen / 2
    middle = (highest + lowest) / 2
    highest, lowest = np.fmin(highest, middle), np.fmax(lowest, middle)  # thinner than the pen: its middle
    not_above, not_below = _bounds(highest, lowest, _REACH * pen)
    centre = (not_above + not_below) / 2
    wide_above, wide_below = _bounds(highest, lowest, _WIDE * pen)
    turning = wide_below - wide_above > pen / 4
    level = _bridged(np.where(turning, np.nan, centre))
    tip_above, tip_below = _bounds(highest, lowest, _TIP * pen)
    upwards = level - tip_above > tip_below - level
    return np.where(turning, np.where(upwards, tip_above, tip_below), centre)


def _bounds(highest: np.ndarray, lowest: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The lines that y cannot be above and below, from what lies within `reach` columns to both sides."""
    return -_lowest_within(-highest, reach), _lowest_within(lowest, reach)


def _lowest_within(values: np.ndarray, reach: float) -> np.ndarray:
    """The smallest value within so many columns, a fraction of a column interpolated; NaN counts for nothing."""
    whole, part = int(reach), reach % 1
    padded = np.pad(values, whole + 1, constant_values=np.nan)
    size = values.size
    result = values
    at = {step: padded[whole + 1 + step : whole + 1 + step + size] for step in range(-whole - 1, whole + 2)}
    for step in range(1, whole + 1):
        result = np.fmin(result, np.fmin(at[step], at[-step]))
    for side in (-1, 1):
        result = np.fmin(result, (1 - part) * at[side * whole] + part * at[side * (whole + 1)])
    return np.where(np.isfinite(values), result, np.nan)


def _bridged(values: np.ndarray) -> np.ndarray:
    """Straight lines over the NaN."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        return np.zeros_like(values)
    return np.interp(np.arange(values.size), known, values[known])
