"""Signals of a page -> its beats.

Beats are found on the slope of all leads that stand above each other in time and of the rhythm strip, so that
one lead with a small QRS or a tall T does not decide. Of each lead the median beat is kept; NaN is what cannot be read.
"""

import functools
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.ndimage
import scipy.signal

from ecgstudy.pages.trace import Traced
from ecgstudy.vocabulary import LEADS

PAGE_SECONDS = 10.0
BEFORE_S, AFTER_S = 0.32, 0.56  # a median beat, around its fiducial point
_REFRACTORY_S = 0.22  # 270 beats a minute
_T_WAVE_S = 0.38  # a much lower peak so soon after a beat is its T wave
_LEAST_SLOPE_MV = 0.006  # from sample to sample in a QRS
_STRIP_WEIGHT = 3  # traces that the rhythm strip counts for; it alone goes on where columns end
_QRS_BAND_HZ = (5.0, 30.0)
_READABLE = 0.5  # of the beats of a lead: then their median is known
_MOST_SHIFT_S = 0.06  # by which a beat is moved to fit the others


@dataclass(frozen=True)
class Beats:
    """When the heart beats on a page, and what an ordinary beat looks like."""

    times: np.ndarray  # (beats,) seconds on the page, whose columns follow each other
    ordinary: np.ndarray  # (beats,) bool: shaped like most others
    medians: dict[str, np.ndarray]  # lead -> millivolts of its median beat, from -0.32 to 0.56 s
    sampling_rate: float


def columns(traced: Traced) -> list[tuple[float, list[str]]]:
    """Which leads stand above each other: the time at which each column begins, and its leads."""
    lefts = sorted({round(box.left, 4) for box in traced.layout.leads.values()})
    at = {left: PAGE_SECONDS * number / len(lefts) for number, left in enumerate(lefts)}
    return [
        (time, [lead for lead in traced.signals if round(traced.layout.leads[lead].left, 4) == left])
        for left, time in at.items()
    ]


def find_beats(traced: Traced) -> Beats:
    """Beats of the whole page and the median beat of every lead.

    Raises:
        ValueError: no beat is found.
    """
    rate = traced.sampling_rate
    size = round(PAGE_SECONDS * rate)
    placed = [(round(time * rate), traced.signals[lead]) for time, leads in columns(traced) for lead in leads]
    if traced.strip is not None:
        placed += [(0, traced.strip)] * _STRIP_WEIGHT
    energy = _slope_energy(placed, size, rate)
    samples = _peaks(energy, rate)
    if not samples.size:
        raise ValueError(f"no beat found in {PAGE_SECONDS:.0f} s: the traces are flat or could not be read")
    steepness = energy[samples]
    samples, likeness = _aligned(samples, placed, size, rate)
    true = _beats_indeed(samples, likeness, steepness)
    samples, likeness = samples[true], likeness[true]
    ordinary = likeness > min(0.75, float(np.median(likeness)) - 0.1)
    return Beats(samples / rate, ordinary, _medians(samples[ordinary], traced, rate), rate)


def _slope_energy(placed: list[tuple[int, np.ndarray]], size: int, rate: float) -> np.ndarray:
    """How steep the traces are at each moment, `(size,)`: about one in a QRS, whatever the amplitude."""
    slopes = [_slope(signal, rate) for _, signal in placed]
    scales = [np.nanquantile(slope, 0.97) if np.isfinite(slope).any() else 0.0 for slope in slopes]
    least = max(_LEAST_SLOPE_MV, 0.3 * float(np.median(scales)))  # what hardly moves shall not count by its noise
    total, weight = np.zeros(size), np.full(size, 1e-9)
    for (start, _), slope, scale in zip(placed, slopes, scales, strict=True):
        known = np.isfinite(slope)
        part = slice(start, start + slope.size)
        total[part] += np.where(known, np.minimum(slope / max(scale, least), 2.0), 0.0)[: size - start]
        weight[part] += known[: size - start]
    window = scipy.signal.windows.hann(round(0.1 * rate))
    return scipy.signal.fftconvolve(total / np.maximum(weight, 1.0), window / window.sum(), mode="same")


def _slope(signal: np.ndarray, rate: float) -> np.ndarray:
    """Absolute slope of the QRS band, NaN where the signal is."""
    known = np.isfinite(signal)
    if known.sum() < 0.2 * signal.size:
        return np.full(signal.size, np.nan)
    whole = np.interp(np.arange(signal.size), np.flatnonzero(known), signal[known])
    slope = abs(np.gradient(scipy.signal.sosfiltfilt(_qrs_band(rate), whole)))
    return np.where(known, slope, np.nan)


@functools.lru_cache(maxsize=16)
def _qrs_band(rate: float) -> np.ndarray:
    """Second-order sections; to design them takes longer than to filter a lead."""
    return scipy.signal.butter(2, _QRS_BAND_HZ, "bandpass", fs=rate, output="sos")


def _peaks(energy: np.ndarray, rate: float) -> np.ndarray:
    """Samples of the beats."""
    found, shown = scipy.signal.find_peaks(energy, distance=round(_REFRACTORY_S * rate), height=0.05)
    if not found.size:
        return found
    heights = shown["peak_heights"]
    usual = float(np.median(np.sort(heights)[-max(3, round(0.4 * PAGE_SECONDS)) :]))
    everything = found, heights
    tall = heights > 0.4 * usual
    found, heights = found[tall], heights[tall]
    keep = np.ones(found.size, dtype=bool)
    for one in range(1, found.size):
        before = np.flatnonzero(keep[:one])[-1]
        if found[one] - found[before] < _T_WAVE_S * rate:
            lower = one if heights[one] < heights[before] else before
            if heights[lower] < 0.65 * heights[one + before - lower]:
                keep[lower] = False
    return _with_missed(found[keep], everything[0][everything[1] > 0.2 * usual])


def _with_missed(found: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Beats with a low one added wherever the pause is too long and a candidate stands where one is due."""
    if found.size < 3:
        return found
    usual = float(np.median(np.diff(found)))
    added = []
    for before, after in pairwise(found):
        due = candidates[(candidates > before + 0.7 * usual) & (candidates < after - 0.7 * usual)]
        if after - before > 1.6 * usual and due.size:
            added.append(due[abs(due - before - usual).argmin()])
    return np.sort(np.append(found, np.array(added, dtype=found.dtype)))


def _aligned(samples: np.ndarray, placed: list[tuple[int, np.ndarray]], size: int, rate: float,
             ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Beats moved so that they lie on top of each other, and how much each is like the others, -1..1."""
    half, most = round(0.1 * rate), round(_MOST_SHIFT_S * rate)
    page = np.full((len(placed), size), np.nan)
    for row, (start, signal) in enumerate(placed):
        page[row, start : start + signal.size] = signal[: size - start]
    page = page - scipy.ndimage.uniform_filter1d(np.nan_to_num(page), round(0.6 * rate), axis=1)
    padded = np.pad(np.nan_to_num(page), ((0, 0), (half + most, half + most)))
    reach = np.arange(-half, half + 1)
    likeness = np.ones(samples.size)
    for _ in range(2):
        cuts = padded[:, samples[:, None] + reach + half + most]  # (traces, beats, window)
        seen = (abs(cuts).max(axis=2) > 0)[..., None]
        template = cuts.sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1, keepdims=True), 1)
        shifts = np.arange(-most, most + 1)
        scores = np.stack([
            _likeness(padded[:, (samples + shift)[:, None] + reach + half + most], template, seen)
            for shift in shifts
        ])  # fmt: skip
        best = scores.argmax(axis=0)
        likeness = scores[best, np.arange(samples.size)]
        samples = np.clip(samples + shifts[best], 0, size - 1)
    return samples, likeness


def _beats_indeed(samples: np.ndarray, likeness: np.ndarray, steepness: np.ndarray) -> np.ndarray:
    """False for what comes early, is unlike the beats and not steeper than they are: a T wave, a jerk."""
    true = np.ones(samples.size, dtype=bool)
    for one in np.argsort(likeness):
        others = samples[true & (np.arange(samples.size) != one)]
        if likeness[one] > 0.5 or steepness[one] > 0.9 * np.median(steepness) or others.size < 3:
            continue
        true[one] = abs(others - samples[one]).min() > 0.75 * np.median(np.diff(others))
    return true


def _likeness(cuts: np.ndarray, template: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Correlation of each beat with the template over all the traces that show it, `(beats,)`."""
    template = template * seen
    together = (cuts * template).sum(axis=(0, 2))
    norm = np.sqrt((cuts**2).sum(axis=(0, 2)) * (template**2).sum(axis=(0, 2)))
    return together / np.maximum(norm, 1e-9)


def _medians(samples: np.ndarray, traced: Traced, rate: float) -> dict[str, np.ndarray]:
    """The median beat of every lead; NaN where no beat of it is on the page or can be read."""
    before, after = round(BEFORE_S * rate), round(AFTER_S * rate)
    reach = np.arange(-before, after)
    apart = np.diff(samples)
    until_next = np.append(apart, np.median(apart) if apart.size else after) - round(0.12 * rate)
    medians = {}
    for time, leads in columns(traced):
        start = round(time * rate)
        for lead in leads:
            signal = traced.signals[lead]
            inside = (samples - start > -after // 4) & (samples - start < signal.size + before // 4)
            padded = np.pad(signal, before + after, constant_values=np.nan)
            cuts = padded[(samples[inside] - start)[:, None] + reach + before + after]
            places = (samples[inside] - start)[:, None] + reach
            drawn = (places >= 0) & (places < signal.size) & (reach <= until_next[inside][:, None])
            medians[lead] = _median(np.where(drawn, cuts, np.nan), drawn)
    return {lead: medians[lead] for lead in LEADS if lead in medians}


def _median(cuts: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Median over beats after each is brought to one level; NaN where much of what was drawn cannot be read.

    What most beats hide is not known by the others: a peak that is cut or crossed is so on every beat.
    """
    result = np.full(cuts.shape[1], np.nan)
    if not len(cuts):
        return result
    level = _median_of_known(cuts, axis=1)
    cuts = cuts - level[:, None] + np.nanmedian(level) if np.isfinite(level).any() else cuts
    known = np.isfinite(cuts).sum(axis=0) >= np.maximum(1, _READABLE * drawn.sum(axis=0))
    result[known] = _median_of_known(cuts[:, known], axis=0)
    return result


def _median_of_known(values: np.ndarray, *, axis: int) -> np.ndarray:
    """As `np.nanmedian`, several times as fast on a few beats, and without its warning where nothing is known."""
    in_order = np.sort(values, axis=axis)  # NaN last
    known = np.isfinite(values).sum(axis=axis, keepdims=True)
    lower = np.take_along_axis(in_order, (known - 1) // 2, axis=axis)
    upper = np.take_along_axis(in_order, known // 2, axis=axis)
    return ((lower + upper) / 2).squeeze(axis)
