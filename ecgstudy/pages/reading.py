"""Beats of a page -> what a reader measures on them.

All intervals and amplitudes come from the median beat of each lead (`waves`). NaN is what cannot be measured.
"""

from dataclasses import dataclass

import numpy as np

from ecgstudy.pages import waves
from ecgstudy.pages.beats import AFTER_S, BEFORE_S, Beats, find_beats
from ecgstudy.pages.trace import Traced
from ecgstudy.vocabulary import LEADS


@dataclass(frozen=True)
class Measurements:
    """What a reader measures on a page; NaN where it cannot be measured."""

    rate: float  # beats per minute
    rr_irregularity: float  # standard deviation over mean of the intervals between beats
    odd_beats: float  # share of beats that are not shaped like the others
    pr_ms: float
    qrs_ms: float
    qt_ms: float
    qtc_ms: float  # Bazett
    axis_deg: float  # of the QRS in the frontal plane, -180..180
    leads: dict[str, waves.LeadWaves]
    beats: Beats

    def as_row(self) -> dict[str, float]:
        """Everything as one flat row: common measurements, then `<lead>_<wave>` for the twelve leads."""
        row = {name: getattr(self, name) for name in COMMON_COLUMNS}
        for lead in LEADS:
            one = self.leads.get(lead, waves.LeadWaves())
            row |= {f"{lead}_{name}": getattr(one, name) for name in waves.LEAD_COLUMNS}
        return row


COMMON_COLUMNS = ("rate", "rr_irregularity", "odd_beats", "pr_ms", "qrs_ms", "qt_ms", "qtc_ms", "axis_deg")


def measure(traced: Traced) -> Measurements:
    """Rate, intervals, axis and amplitudes of a traced page.

    Raises:
        ValueError: no beat is found.
    """
    beats = find_beats(traced)
    rate, irregularity = _rate(np.diff(beats.times))
    medians = np.stack([beats.medians.get(lead, np.full(_beat_size(beats), np.nan)) for lead in LEADS])
    found = waves.find_intervals(medians, round(BEFORE_S * beats.sampling_rate), beats.sampling_rate, 60 / rate)
    if found is None:
        nan = float("nan")
        return Measurements(rate, irregularity, nan, nan, nan, nan, nan, nan, {}, beats)
    to_ms = 1000 / beats.sampling_rate
    pr_ms = (found.qrs_onset - found.p_onset) * to_ms if found.p_onset is not None else float("nan")
    qt_ms = (found.t_end - found.qrs_onset) * to_ms if found.t_end is not None else float("nan")
    return Measurements(
        rate=rate,
        rr_irregularity=irregularity,
        odd_beats=float(1 - beats.ordinary.mean()),
        pr_ms=pr_ms,
        qrs_ms=(found.qrs_end - found.qrs_onset) * to_ms,
        qt_ms=qt_ms,
        qtc_ms=qt_ms * np.sqrt(rate / 60),
        axis_deg=_axis(beats.medians, found),
        leads={
            lead: waves.lead_waves(beat, found, beats.sampling_rate) for lead, beat in beats.medians.items()
        },
        beats=beats,
    )  # fmt: skip


def _beat_size(beats: Beats) -> int:
    return round(BEFORE_S * beats.sampling_rate) + round(AFTER_S * beats.sampling_rate)


def _rate(intervals: np.ndarray) -> tuple[float, float]:
    """Beats per minute and irregularity; a single false or missed beat does not move the rate of a steady rhythm."""
    if not intervals.size:
        return float("nan"), float("nan")
    usual = float(np.median(intervals))
    quarter, three_quarters = np.quantile(intervals, [0.25, 0.75])
    steady = three_quarters - quarter < 0.12 * usual
    return 60 / (usual if steady else float(intervals.mean())), float(intervals.std() / intervals.mean())


def _axis(medians: dict[str, np.ndarray], found: waves.Intervals) -> float:
    """Frontal axis from the areas of the QRS in I and aVF."""
    areas = {lead: waves.area(medians[lead], found) for lead in ("I", "II", "III", "aVF")}
    down = areas["aVF"] if np.isfinite(areas["aVF"]) else (areas["II"] + areas["III"]) / 2
    if not np.isfinite(down + areas["I"]):
        return float("nan")
    return float(np.degrees(np.arctan2(down * 2 / np.sqrt(3), areas["I"])))


def empty_row() -> dict[str, float]:
    """`Measurements.as_row` of a page on which nothing could be measured."""
    names = [*COMMON_COLUMNS, *(f"{lead}_{name}" for lead in LEADS for name in waves.LEAD_COLUMNS)]
    return dict.fromkeys(names, float("nan"))
