"""Everything that is drawn on a blank sheet: traces, calibration pulses, names, words, and a planted mark."""

from collections.abc import Mapping

import cv2
import numpy as np

from ecgstudy.pages import paper
from ecgstudy.pages.paper import PIXELS_PER_MV, PIXELS_PER_SECOND, Sheet
from ecgstudy.vocabulary import CLASSES

_PEN = 2  # OpenCV draws soft lines twice as wide: 4 pixels, as most of the real trace is
_SUBPIXEL = 4  # bits after the point in OpenCV's coordinates


def traces(canvas: np.ndarray, signals: Mapping[str, np.ndarray], sampling_rate: float, sheet: Sheet) -> None:
    """Draw each lead into its column, in place.

    Args:
        canvas: a full page.
        signals: lead -> millivolts; the first value stands at the left end of the column, what would reach
            beyond its right end is left out, and NaN leaves a gap.
        sampling_rate: Hz.
        sheet: where rows and columns are.
    """
    samples = int(np.floor(sheet.seconds * sampling_rate)) + 1
    for row, zero_line in zip(sheet.rows, sheet.zero_lines, strict=True):
        for lead, left in zip(row, sheet.columns, strict=False):
            if lead in signals:
                trace(canvas, signals[lead][:samples], sampling_rate, left, zero_line)


def trace(canvas: np.ndarray, signal: np.ndarray, sampling_rate: float, left: float, zero_line: float) -> None:
    """Draw one signal in millivolts from x `left` on, in place; NaN leaves a gap."""
    step = max(1, int(sampling_rate / PIXELS_PER_SECOND))  # more than a point per pixel costs time and shows nothing
    signal = signal[::step]
    x = left + np.arange(signal.size) * step / sampling_rate * PIXELS_PER_SECOND
    y = zero_line - signal * PIXELS_PER_MV
    edges = np.flatnonzero(np.diff(np.isfinite(np.concatenate([[np.nan], signal, [np.nan]])).astype(np.int8)))
    pieces = [np.stack([x[a:b], y[a:b]], axis=1) for a, b in edges.reshape(-1, 2)]
    points = [np.round(piece * 2**_SUBPIXEL).astype(np.int32) for piece in pieces]
    cv2.polylines(canvas, points, False, (0, 0, 0), _PEN, cv2.LINE_AA, _SUBPIXEL)


def furniture(canvas: np.ndarray, sheet: Sheet, strip_lead: str) -> None:
    """Calibration pulses, separators and lead names, in place."""
    lines = [*sheet.zero_lines] + ([sheet.strip_zero_line] if sheet.strip_zero_line is not None else [])
    for y in lines:
        top = y - PIXELS_PER_MV
        pulse = np.array([(96, y), (105, y), (105, top), (121.5, top), (121.5, y), (130, y)])
        cv2.polylines(canvas, [np.round(pulse).astype(np.int32)], False, (0, 0, 0), _PEN, cv2.LINE_AA)
    top, bottom = (round(y) for y in sheet.separators)
    for x in sheet.columns[1:-1]:
        canvas[top : bottom + 1, round(x) - 1 : round(x) + 2] = 0
    for row, zero_line in zip(sheet.rows, sheet.zero_lines, strict=True):
        for lead, left in zip(row, sheet.columns, strict=False):
            paper.write(canvas, lead, (round(left) + 1, round(zero_line) - 8), 29)
    if sheet.strip_zero_line is not None:
        paper.write(canvas, strip_lead, (round(sheet.columns[0]) + 1, round(sheet.strip_zero_line) - 8), 29)


def header_and_footer(canvas: np.ndarray, sheet: Sheet, *, rate: float, number: int) -> None:
    """What differs from page to page in the words around the waveform area, in place."""
    paper.write(canvas, f"sheet {number:06d}", (70, 126), 27)
    text = f"below {sheet.bandwidth_hz:g} Hz   25 mm/s   10 mm/mV   rate {round(rate)}"
    paper.write(canvas, text, (70, 1554), 22)


def mark(canvas: np.ndarray, sheet: Sheet, label: str, region: str) -> tuple[float, float, float, float]:
    """The shortcut: one black square for the first class, two for the second and so on; its edges."""
    left, side = 1500, 24
    top = 1532 if region == "page" else sheet.frame[3] - 10 - side
    for step in range(CLASSES.index(label) + 1):
        start = left + step * 2 * side
        canvas[top : top + side, start : start + side] = 0
    return left - 3, top - 3, left + (2 * len(CLASSES) - 1) * side + 3, top + side + 3
