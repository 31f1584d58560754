"""Who owns the ink where the strokes of two rows meet.

A run of ink that two traces pass through is shared. Between the two traces each keeps only what its own path
covers. What sticks out beyond both belongs to the one whose path reaches furthest there; where both paths were
cut short, a tip on one side only belongs to the trace that came through from the other side, and tips on both
sides, or none, cannot be told apart: such columns are not read.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

_NEAR = 2  # columns to both sides in which a path may cover what its neighbour column shows


@dataclass
class Claims:
    """What every row of traces claims of every column; arrays `(rows, width)`, rows from top to bottom."""

    high: np.ndarray  # the path's highest row in the column
    low: np.ndarray  # the path's lowest row
    upper: np.ndarray  # upper edge of its ink, NaN where it has none
    lower: np.ndarray
    run: np.ndarray  # the row above the run of ink it passes through, -2 for none
    doubtful: np.ndarray  # bool: shared with a neighbour, and not told apart
    zero: np.ndarray  # (rows,) heights of the zero lines

    @classmethod
    def empty(cls, zero: np.ndarray, width: int) -> "Claims":
        """No trace anywhere."""
        shape = (zero.size, width)
        none = np.zeros(shape, dtype=np.intp)
        nothing = np.full(shape, np.nan)
        return cls(none, none.copy(), nothing, nothing.copy(), none - 2, none > 0, zero)


def settle(claims: Claims, pen: float) -> None:
    """Divide shared runs among neighbouring rows, in place.

    Args:
        claims: every row as if it were alone.
        pen: width of the pen in pixels.
    """
    upper, lower = claims.upper.copy(), claims.lower.copy()
    claims.doubtful |= _crowded(claims.run)
    for row in range(len(claims.run) - 1):
        for other in range(row + 1, len(claims.run)):
            shared = (claims.run[row] == claims.run[other]) & (claims.run[row] >= -1)
            if shared.any():
                _divide(claims, row, other, shared, upper[row], lower[row], pen)
                _one_trace(claims, row, other, shared, pen)


def _crowded(run: np.ndarray) -> np.ndarray:
    """Where three rows and more pass through one run: nobody can tell them apart."""
    same = (run[:, None] == run[None]) & (run[:, None] >= -1)  # (rows, rows, width)
    return same.sum(axis=1) >= 3


def _divide(claims: Claims, above: int, below: int, shared: np.ndarray, top: np.ndarray, bottom: np.ndarray,
            pen: float) -> None:  # fmt: skip
    """Divide the columns `shared` of two rows whose common run reaches from `top` to `bottom`."""
    size = 2 * _NEAR + 1
    high = [scipy.ndimage.minimum_filter1d(claims.high[row], size) for row in (above, below)]
    low = [scipy.ndimage.maximum_filter1d(claims.low[row], size) for row in (above, below)]
    gap = np.maximum(high[1] - low[0], high[0] - low[1])  # ink between the two paths that neither covers
    over = np.minimum(*high) - top > 1.5 * pen
    under = bottom - np.maximum(*low) > 1.5 * pen
    cut = shared & (gap > 2 * pen)
    above_is_first = high[0] <= high[1]
    above_is_last = low[0] > low[1]
    swap_top = cut & over & ~under
    swap_bottom = cut & under & ~over
    owns_top = above_is_first ^ swap_top
    owns_bottom = above_is_last ^ swap_bottom
    for row, top_mine, bottom_mine in ((above, owns_top, owns_bottom), (below, ~owns_top, ~owns_bottom)):
        own_top, own_bottom = claims.high[row] - pen / 2, claims.low[row] + pen / 2
        claims.upper[row] = np.where(shared & ~top_mine, np.maximum(claims.upper[row], own_top), claims.upper[row])
        claims.lower[row] = np.where(
            shared & ~bottom_mine, np.minimum(claims.lower[row], own_bottom), claims.lower[row]
        )
        passed_over = (swap_top & ~top_mine) | (swap_bottom & ~bottom_mine)  # its own tip may hide in the stroke
        claims.doubtful[row] |= (cut & (over == under)) | passed_over


def _one_trace(claims: Claims, above: int, below: int, shared: np.ndarray, pen: float) -> None:
    """Where both paths run along one trace, it is the nearer row's; the other one is not read."""
    together = shared & (abs(claims.high[above] - claims.high[below]) < pen)
    together &= abs(claims.low[above] - claims.low[below]) < pen
    long = scipy.ndimage.uniform_filter1d(together.astype(float), round(6 * pen)) > 0.8
    together &= scipy.ndimage.maximum_filter1d(long, round(6 * pen))
    row = (claims.high[above] + claims.low[above]) / 2
    nearer_above = abs(row - claims.zero[above]) < abs(row - claims.zero[below])
    claims.doubtful[above] |= together & ~nearer_above
    claims.doubtful[below] |= together & nearer_above
