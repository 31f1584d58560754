"""Follow a trace from left to right: the cheapest path through the ink, for many leads at once.

A path goes one column to the right at every step and may climb or fall any distance inside a column. Ink costs
next to nothing, white paper costs one per pixel, and a weak pull to the lead's own zero line decides where two
traces cross. The cheapest path is found exactly, by dynamic programming over columns.
"""

from collections.abc import Sequence

import numpy as np

_CLIMB = 0.002  # cost of a vertical pixel on ink: a path does not climb a stroke of a neighbour for nothing
_PULL = 0.03  # cost per column at one millivolt from the zero line
_PULL_AT_START = 40  # so much stronger in the first column: a trace begins near its zero line
_PULL_AT_END = 15
_ALONG_LETTERS = 0.4  # cost of a pixel to the right where a lead's name stands
_INK_FROM, _INK_SURE = 0.10, 0.35  # below: white; above: ink; between: linear


def follow(
    strokes: np.ndarray, zero_rows: np.ndarray, pixels_per_mv: float, names: Sequence[tuple[slice, slice]]
) -> np.ndarray:
    """The cheapest path through each lead's strokes.

    Args:
        strokes: ink in [0, 1], shape `(leads, height, width)`; each lead's own part of the picture.
        zero_rows: row of each lead's zero line inside its part, shape `(leads,)`.
        pixels_per_mv: vertical scale.
        names: rows and columns of each lead's part where its printed name stands; going along the letters is
            not free there.

    Returns:
        int rows, shape `(leads, width)`.
    """
    height = strokes.shape[1]
    ink = np.ascontiguousarray(strokes.transpose(2, 0, 1), dtype=np.float32)  # (width, leads, height)
    white = np.clip((_INK_SURE - ink) / (_INK_SURE - _INK_FROM), 0.0, 1.0)
    climb = np.cumsum(white + _CLIMB, axis=2, dtype=np.float32)
    for lead, (rows, columns) in enumerate(names):
        white[columns, lead, rows] = np.maximum(white[columns, lead, rows], _ALONG_LETTERS)
    pull = np.abs(np.arange(height) - zero_rows[:, None]).astype(np.float32) * (_PULL / pixels_per_mv)
    cost = _costs(white, climb, pull)
    return _backtrack(cost, white, climb, pull)


def _costs(white: np.ndarray, climb: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Cost of the cheapest path to each pixel, `(width, leads, height)`."""
    cost = np.empty_like(white)
    cost[0] = white[0] + _PULL_AT_START * pull
    for x in range(1, len(cost)):
        arrived = cost[x - 1] + white[x]
        arrived += pull
        down = np.minimum.accumulate(arrived - climb[x], axis=1)
        down += climb[x]
        up = np.minimum.accumulate((arrived + climb[x])[:, ::-1], axis=1)[:, ::-1]
        up = up - climb[x]
        np.minimum(down, up, out=cost[x])
    return cost


def _backtrack(cost: np.ndarray, white: np.ndarray, climb: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Rows at which the cheapest path enters each column, `(leads, width)`, from the last column to the first."""
    width, leads, _ = cost.shape
    each = np.arange(leads)
    row = (cost[-1] + _PULL_AT_END * pull).argmin(axis=1)
    rows = np.empty((leads, width), dtype=np.intp)
    for x in range(width - 1, 0, -1):
        arrived = cost[x - 1] + white[x]
        arrived += pull
        arrived += np.abs(climb[x] - climb[x][each, row][:, None])
        row = arrived.argmin(axis=1)
        rows[:, x] = row
    rows[:, 0] = row
    return rows
