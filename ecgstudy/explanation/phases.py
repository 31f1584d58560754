"""Maps read by the beat: how much of a map lies on P waves, QRS complexes, ST segments and T waves."""

import numpy as np
import pandas as pd

from ecgstudy.explanation.leads import OUTSIDE, REGIONS, STRIP, lead_shares, region_index
from ecgstudy.pages.beats import PAGE_SECONDS
from ecgstudy.pages.layout import PageLayout

PHASES = ("P", "QRS", "ST", "T", "between")  # `between`: inside a lead's box, in none of the others
# seconds from the R peak; ends after the QRS move with the square root of the RR interval, as the QT time does
_WINDOWS = {"P": (-0.24, -0.07), "T": (0.16, 0.42), "ST": (0.06, 0.16), "QRS": (-0.07, 0.06)}  # later ones win
_USUAL_RR = 0.8  # where a page shows one beat alone


def phase_index(layout: PageLayout, beat_times: np.ndarray, height: int, width: int) -> np.ndarray:
    """Which of `PHASES` each pixel lies in, int `(height, width)`; `len(PHASES)` outside of all leads.

    Args:
        layout: of the page.
        beat_times: seconds of the R peaks on the page, whose columns follow each other: `beats.find_beats(...).times`,
            or the `beat_times` of a synthetic recording.
        height: of the map.
        width: of the map.

    Raises:
        ValueError: the layout has no lead boxes.
    """
    regions = region_index(layout, height, width)
    index = np.where(regions == REGIONS.index(OUTSIDE), len(PHASES), PHASES.index("between"))
    phase = {start: _phase_at(_column_times(layout, start, width), beat_times) for start in _starts(layout)}
    strip = _phase_at(_strip_times(layout, width), beat_times)
    for number, region in enumerate(REGIONS[:-1]):
        row = strip if region == STRIP else phase[_start_of(layout, region)]
        inside = regions == number
        index[inside] = np.broadcast_to(row, regions.shape)[inside]
    return index


def phase_shares(heat: np.ndarray, layout: PageLayout, beat_times: np.ndarray) -> pd.Series:
    """How the positive part of a map is shared among the phases and `outside`; adds up to 1, NaN for an empty map."""
    index = phase_index(layout, beat_times, *heat.shape)
    sums = np.bincount(index.ravel(), weights=np.maximum(heat, 0).ravel().astype(float), minlength=len(PHASES) + 1)
    total = sums.sum()
    return pd.Series(sums / total if total > 0 else sums * np.nan, index=pd.Index([*PHASES, OUTSIDE], name="region"))


def lead_phase_shares(heat: np.ndarray, layout: PageLayout, beat_times: np.ndarray) -> pd.DataFrame:
    """Shares by lead and phase: index the leads and `strip`, columns `PHASES`; with `outside` it adds up to 1."""
    regions, phases = region_index(layout, *heat.shape), phase_index(layout, beat_times, *heat.shape)
    positive = np.maximum(heat, 0).astype(float)
    both = np.bincount((regions * (len(PHASES) + 1) + phases).ravel(), weights=positive.ravel(),
                       minlength=len(REGIONS) * (len(PHASES) + 1)).reshape(len(REGIONS), -1)  # fmt: skip
    shares = both[:-1, :-1] / (positive.sum() or np.nan)
    assert np.isclose(np.nansum(shares) + np.nan_to_num(lead_shares(heat, layout)[OUTSIDE]), float(positive.any()))
    return pd.DataFrame(shares, index=pd.Index(REGIONS[:-1], name="region"), columns=list(PHASES))


def time_spans(layout: PageLayout, lead: str) -> tuple[float, float]:
    """When a lead's box begins and ends, in seconds on the page; for `strip` the whole page."""
    if lead == STRIP:
        return 0.0, PAGE_SECONDS
    starts = _starts(layout)
    length = PAGE_SECONDS / len(starts)
    number = starts.index(_start_of(layout, lead))
    return number * length, (number + 1) * length


def _starts(layout: PageLayout) -> list[float]:
    return sorted({round(box.left, 4) for box in layout.leads.values()})


def _start_of(layout: PageLayout, lead: str) -> float:
    return round(layout.leads[lead].left, 4)


def _column_times(layout: PageLayout, start: float, width: int) -> np.ndarray:
    """Seconds on the page at each pixel column, for the leads that begin at `start`."""
    lead = next(name for name in layout.leads if _start_of(layout, name) == start)
    return _times(layout.leads[lead].left, layout.leads[lead].right, *time_spans(layout, lead), width)


def _strip_times(layout: PageLayout, width: int) -> np.ndarray:
    if layout.strip is None:
        return np.zeros(width)
    return _times(layout.strip.left, layout.strip.right, *time_spans(layout, STRIP), width)


def _times(left: float, right: float, begin: float, end: float, width: int) -> np.ndarray:
    place = (np.arange(width) + 0.5) / width
    return begin + (place - left) / (right - left) * (end - begin)


def _phase_at(times: np.ndarray, beat_times: np.ndarray) -> np.ndarray:
    """Which of `PHASES` each moment lies in, int, like `times`."""
    beats = np.asarray(beat_times, dtype=float)
    rr = float(np.median(np.diff(beats))) if len(beats) > 1 else _USUAL_RR
    stretch = np.sqrt(np.clip(rr, 0.3, 1.3))
    index = np.full(times.shape, PHASES.index("between"))
    after = times[:, None] - beats  # (moments, beats)
    for phase, (begin, end) in _WINDOWS.items():
        begin, end = (edge * stretch if edge > _WINDOWS["QRS"][1] else edge for edge in (begin, end))
        index[((after >= begin) & (after < end)).any(axis=1)] = PHASES.index(phase)
    return index
