"""Any page -> one standard page: same bandwidth, length, paper and scale, so only the heart is left to tell.

The layouts of the public set tell much about the class: their filters, lengths, papers and headers differ. A
redrawn page has none of that: 2.5 s of each lead below 25 Hz, in three rows of four, without letters, header,
pulses or rhythm strip. Each column follows the one before it in time, whatever the page at hand did, because
leads recorded at once would give a two-column page away.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from ecgstudy.pages import draw, paper, pen, signals
from ecgstudy.pages.trace import trace
from ecgstudy.vocabulary import LEADS

BANDWIDTH_HZ = 25.0
SECONDS = 2.5
SAMPLING_RATE = 250.0  # Hz, of the redrawn signals
_MARGIN = 0.06  # seconds left blank at both ends, where a printed line between columns hides some traces, not all
_BRIDGED = 0.05  # seconds; steep strokes of a QRS leave gaps of 8 to 16 ms in a traced signal
_SHORTEST_PIECE = 0.06  # seconds; less of a trace than that is a speck
_STANDARD = replace(paper.SHEETS["3x4"], zero_lines=(490.0, 888.0, 1286.0), strip_zero_line=None)


class Signals(Protocol):
    """What is redrawn: a traced page, or a synthetic recording."""

    @property
    def signals(self) -> Mapping[str, np.ndarray]:
        """Lead -> millivolts, NaN where the page does not tell."""

    @property
    def sampling_rate(self) -> float:
        """Hz."""


def redraw(picture: np.ndarray) -> np.ndarray:
    """Trace a page of any layout and draw its signals on the standard page.

    Args:
        picture: uint8 RGB, a whole page or its waveform area.

    Returns:
        uint8 RGB `(412, 703, 3)`.

    Raises:
        LayoutError: the picture is not a page whose leads can be found.
    """
    return redraw_signals(trace(picture))


def redraw_signals(traced: Signals) -> np.ndarray:
    """The standard page of 12 leads.

    Args:
        traced: leads in millivolts, each from the start of its own column. Of a longer lead that part is drawn
            which stands in time where the lead's column of the standard page stands: of 5 s the first half in
            the first and third column, the second half in the others. NaN and missing leads stay blank.

    Returns:
        uint8 RGB `(412, 703, 3)`: the packed size of a `3x4` page.
    """
    return draw_standard(standard_signals(traced))


def standard_signals(traced: Signals) -> dict[str, np.ndarray]:
    """What the standard page shows of each lead: `(625,)` millivolts, NaN where it stays blank."""
    return {
        lead: standard_signal(_part(traced.signals[lead], traced.sampling_rate, place // 3), traced.sampling_rate)
        for place, lead in enumerate(LEADS)
        if lead in traced.signals
    }


def draw_standard(standard: Mapping[str, np.ndarray]) -> np.ndarray:
    """The standard page of `standard_signals`: uint8 RGB `(412, 703, 3)`."""
    canvas = paper.blank(_STANDARD.name, _STANDARD.frame, _STANDARD.has_grid, furniture=False).copy()
    pen.traces(canvas, standard, SAMPLING_RATE, _STANDARD)
    return draw.crop(canvas, _STANDARD, "packed")[0]


def standard_signal(signal: np.ndarray, sampling_rate: float) -> np.ndarray:
    """2.5 s of a lead from its first sample on, less a margin at both ends, at 250 Hz and below 25 Hz.

    Args:
        signal: millivolts, `(samples,)`, NaN where unknown.
        sampling_rate: Hz.

    Returns:
        `(625,)` millivolts around their median; NaN in the margins, and where the signal is unknown or has ended.
        Gaps of up to 50 ms are bridged by a straight line, longer ones stay, and each piece between them is
        filtered by itself.
    """
    signal = _bridged(signal[: round(SECONDS * sampling_rate)], round(_BRIDGED * sampling_rate))
    time = np.arange(round(SECONDS * SAMPLING_RATE)) / SAMPLING_RATE
    standard = np.full(time.size, np.nan)
    for start, end in finite_pieces(signal):
        if (end - start) / sampling_rate < _SHORTEST_PIECE:
            continue
        inside = (time >= start / sampling_rate) & (time <= (end - 1) / sampling_rate)
        piece = signals.low_pass(signal[start:end], BANDWIDTH_HZ, sampling_rate)
        standard[inside] = np.interp(time[inside], np.arange(start, end) / sampling_rate, piece)
    standard[(time < _MARGIN) | (time > SECONDS - _MARGIN)] = np.nan
    known = np.isfinite(standard)
    return standard - np.median(standard[known]) if known.any() else standard


def _bridged(signal: np.ndarray, longest: int) -> np.ndarray:
    """The signal with a straight line over gaps of up to `longest` samples."""
    pieces = finite_pieces(signal)
    whole = signal.copy()
    for before, after in pairwise(pieces):
        if after[0] - before[1] <= longest:
            gap = np.arange(before[1], after[0])
            ends = [before[1] - 1, after[0]]
            whole[gap] = np.interp(gap, ends, signal[ends])
    return whole


def _part(signal: np.ndarray, sampling_rate: float, column: int) -> np.ndarray:
    """The signal from the time at which its column of the standard page begins."""
    parts = max(1, round(signal.size / sampling_rate / SECONDS))
    return signal[round(column % parts * SECONDS * sampling_rate) :]


def finite_pieces(signal: np.ndarray) -> np.ndarray:
    """Where a signal is known: `(pieces, 2)`, first sample and the one after the last."""
    known = np.concatenate([[False], np.isfinite(signal), [False]])
    return np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2)
