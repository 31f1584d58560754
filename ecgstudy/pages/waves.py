"""Where the waves of a beat begin and end, and how high they are, on the median beats of all leads together.

Intervals are global: one onset and one end for all leads that can be read, found on how fast the leads move
together, as devices do it. Amplitudes belong to one lead, above the level just before the QRS.
"""

from dataclasses import dataclass, fields

import numpy as np
import scipy.ndimage
import scipy.signal

NAN = float("nan")
_QRS_WITHIN_S = 0.11  # of the fiducial point
_BASELINE_S = 0.016  # whose mean before the QRS is zero
_LEAST_WAVE_MV = 0.03  # smaller deflections of a QRS are noise
_LEAST_P_MV, _LEAST_T_MV = 0.02, 0.05
_LONGEST_GAP_S = 0.009  # of a QRS that is bridged
_HALF_P_S = 0.09  # from the onset of a P wave to its peak, at most
_LONGEST_PR_S = 0.3
_LONGEST_QT = 0.75  # of the time from beat to beat
_SPEED_SHARE, _SPEED_SHARE_END = 0.07, 0.10  # of the greatest speed of the QRS: slower is not QRS any more


@dataclass(frozen=True)
class LeadWaves:
    """Amplitudes of one lead in millivolts above the level before its QRS; durations in milliseconds."""

    r_mv: float = NAN  # 0 if the QRS has no upward part
    s_mv: float = NAN  # depth after the R, or of a QRS without R; negative or 0
    q_ms: float = NAN  # 0 if the QRS begins upwards
    q_mv: float = NAN  # depth before the R, or of a QRS without R; negative or 0
    st_j_mv: float = NAN  # where the QRS ends
    st_j60_mv: float = NAN  # 60 ms later
    t_mv: float = NAN


@dataclass(frozen=True)
class Intervals:
    """Sample numbers in the median beats; None where a wave is not found."""

    qrs_onset: int
    qrs_end: int
    p_onset: int | None
    t_end: int | None
    t_peak: int | None


def find_intervals(beats: np.ndarray, fiducial: int, rate: float, between_s: float) -> Intervals | None:
    """Waves common to all leads.

    Args:
        beats: median beats in millivolts, `(leads, samples)`, NaN where unknown.
        fiducial: sample inside the QRS.
        rate: samples per second.
        between_s: seconds from beat to beat, NaN if not known; the T wave of one beat is not the P wave of the next.

    Returns:
        None if no lead can be read around the QRS.
    """
    known = np.isfinite(beats).mean(axis=1) > 0.5
    if not known.any():
        return None
    whole = np.stack([_bridged(beat) for beat in beats[known]])
    onset, end = _qrs(whole, fiducial, rate)
    level = _level(whole, onset, rate)
    raised = scipy.ndimage.gaussian_filter1d(whole - level[:, None], 0.008 * rate, axis=1)
    last = int(np.flatnonzero(np.isfinite(beats[known]).mean(axis=0) > 0.5)[-1])
    between = between_s * rate if np.isfinite(between_s) else float(raised.shape[1])
    t_peak, t_end = _t_wave(raised, end, min(last, round(onset + _LONGEST_QT * between)), rate)
    before = onset - between + (t_end if t_end is not None else onset + 0.4 * between) - onset  # end of the last T
    return Intervals(onset, end, _p_onset(raised, onset, round(before), rate), t_end, t_peak)


def _bridged(values: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(values.size), known, values[known])


def _level(beats: np.ndarray, onset: int, rate: float) -> np.ndarray:
    return beats[:, max(0, onset - round(_BASELINE_S * rate)) : onset + 1].mean(axis=1)


def _qrs(beats: np.ndarray, fiducial: int, rate: float) -> tuple[int, int]:
    """Onset and end of the QRS: where the common speed of the leads rises from, and falls to, nearly nothing."""
    smooth = scipy.ndimage.gaussian_filter1d(beats, 0.004 * rate, axis=1)
    speed = np.sqrt((np.gradient(smooth, axis=1) ** 2).mean(axis=0)) * rate  # mV/s
    near = slice(max(0, fiducial - round(0.06 * rate)), fiducial + round(0.06 * rate))
    top = near.start + int(speed[near].argmax())
    calm = np.quantile(speed[max(0, fiducial - round(0.28 * rate)) : fiducial - round(0.05 * rate)], 0.5)
    threshold = max(_SPEED_SHARE * speed[top], 1.5 * calm)
    reach, still = round(_QRS_WITHIN_S * rate), round(0.012 * rate)
    onset = top
    while onset > max(still, top - reach) and speed[onset - still : onset + 1].max() > threshold:
        onset -= 1
    end, last = top, min(speed.size - still - 1, top + reach)
    threshold = max(_SPEED_SHARE_END * speed[top], 1.5 * calm)
    while end < last and speed[end : end + still + 1].max() > threshold:
        end += 1
    return onset, end


def _p_onset(raised: np.ndarray, onset: int, after: int, rate: float) -> int | None:
    """Where the P wave begins: the last hump before the QRS that stands out; None if there is none after `after`."""
    first, last = max(0, onset - round(_LONGEST_PR_S * rate), after), onset - round(0.02 * rate)
    if last - first < round(0.06 * rate):
        return None
    course = _common_course(raised[:, first : last + 1])
    height, peak = max((_last_hump(side) for side in (course, -course)), key=lambda found: found[2])[:2]
    if peak < 0:
        return None
    before = max(0, peak - round(_HALF_P_S * rate))
    rise = height[before : peak + 1]
    foot = float(rise.min())
    low = np.flatnonzero(rise < foot + 0.15 * (height[peak] - foot))
    return first + before + int(low[-1]) if before + low[-1] > 0 else None


def _last_hump(course: np.ndarray) -> tuple[np.ndarray, int, float]:
    """The course, the last of its tall humps (-1 if there is none) and how much it stands out."""
    peaks, shown = scipy.signal.find_peaks(course, prominence=_LEAST_P_MV)
    if not peaks.size:
        return course, -1, 0.0
    tall = np.flatnonzero(shown["prominences"] > 0.5 * shown["prominences"].max())[-1]
    return course, int(peaks[tall]), float(shown["prominences"][tall])


def _common_course(part: np.ndarray) -> np.ndarray:
    """What the leads do together, in millivolts `(samples,)`, up or down: their first component."""
    level = part - np.median(part, axis=1, keepdims=True)
    _, sizes, courses = np.linalg.svd(level, full_matrices=False)
    return courses[0] * sizes[0] / np.sqrt(len(part))


def _t_wave(raised: np.ndarray, end: int, last: int, rate: float) -> tuple[int | None, int | None]:
    """Peak and end of the T wave: the tangent to its steepest descent meets the level."""
    first = end + round(0.06 * rate)
    if last - first < round(0.12 * rate):
        return None, None
    height = np.sqrt((raised[:, first : last + 1] ** 2).mean(axis=0))
    peak = int(height[: max(1, height.size - round(0.04 * rate))].argmax())
    if height[peak] < _LEAST_T_MV or peak < 2:
        return None, None
    after = height[peak:]
    floor = float(after.min())
    slope = np.gradient(after)
    lowest = int(after.argmin())
    if lowest < 3:
        return first + peak, None
    steepest = int(slope[: lowest + 1].argmin())
    if slope[steepest] >= 0:
        return first + peak, None
    t_end = first + peak + steepest + (after[steepest] - floor) / -slope[steepest]
    return first + peak, round(t_end) if t_end <= last + 0.03 * rate else None


def lead_waves(beat: np.ndarray, found: Intervals, rate: float) -> LeadWaves:
    """Amplitudes of one lead's median beat; NaN where it is not known."""
    qrs = beat[found.qrs_onset : found.qrs_end + 1]
    if _longest_gap(qrs) > _LONGEST_GAP_S * rate:
        return LeadWaves()
    before = beat[max(0, found.qrs_onset - round(_BASELINE_S * rate)) : found.qrs_onset + 1]
    if not np.isfinite(before).any():
        return LeadWaves()
    beat = beat - float(np.nanmean(before))
    r_mv, s_mv, q_ms, q_mv = _qrs_parts(_bridged(beat[found.qrs_onset : found.qrs_end + 1]), rate)
    return LeadWaves(
        r_mv, s_mv, q_ms, q_mv,
        st_j_mv=_at(beat, found.qrs_end, rate),
        st_j60_mv=_at(beat, found.qrs_end + round(0.06 * rate), rate),
        t_mv=_t_height(beat, found, rate),
    )  # fmt: skip


def area(beat: np.ndarray, found: Intervals) -> float:
    """Mean of the QRS above the line from its onset to its end, in millivolts; NaN if a fifth of it is unknown."""
    qrs = beat[found.qrs_onset : found.qrs_end + 1]
    if np.isfinite(qrs).mean() < 0.8:
        return NAN
    whole = _bridged(qrs)
    return float(np.mean(whole - np.linspace(whole[0], whole[-1], whole.size)))


def _longest_gap(values: np.ndarray) -> int:
    """Number of the NaN that stand together."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.isnan(values).astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0


def _qrs_parts(qrs: np.ndarray, rate: float) -> tuple[float, float, float, float]:
    """R, S, duration and depth of Q."""
    top = int(qrs.argmax())
    if qrs[top] < _LEAST_WAVE_MV:  # no R: one deflection downwards is Q and S in one
        depth = min(float(qrs.min()), 0.0)
        below = np.flatnonzero(qrs < -_LEAST_WAVE_MV)
        return 0.0, depth, (below[-1] - below[0] + 1) / rate * 1000 if below.size else 0.0, depth
    s_mv = min(float(qrs[top:].min()), 0.0)
    before = qrs[: top + 1]
    q_mv = min(float(before.min()), 0.0)
    if q_mv > -_LEAST_WAVE_MV:
        return float(qrs[top]), s_mv, 0.0, 0.0
    bottom = int(before.argmin())
    if before[:bottom].size and before[:bottom].max() > _LEAST_WAVE_MV:  # an r came first: what follows is an S
        return float(qrs[top]), min(s_mv, q_mv), 0.0, 0.0
    below = np.flatnonzero(before < -0.25 * _LEAST_WAVE_MV)
    first = below[0]
    ends = np.flatnonzero(before[bottom:] >= 0)
    last = bottom + int(ends[0]) if ends.size else top
    return float(qrs[top]), s_mv, float((last - first) / rate * 1000), q_mv


def _at(beat: np.ndarray, sample: int, rate: float) -> float:
    """Mean of a few milliseconds."""
    part = beat[max(0, sample - round(0.004 * rate)) : sample + round(0.004 * rate) + 1]
    return float(part.mean()) if part.size and np.isfinite(part).all() else NAN


def _t_height(beat: np.ndarray, found: Intervals, rate: float) -> float:
    """The extreme of the lead near the common peak of the T wave."""
    if found.t_peak is None:
        return NAN
    reach = round(0.06 * rate)
    part = beat[max(found.qrs_end, found.t_peak - reach) : found.t_peak + reach + 1]
    if not part.size or np.isfinite(part).mean() < 0.8:
        return NAN
    return float(part[np.nanargmax(abs(part))])


LEAD_COLUMNS = tuple(field.name for field in fields(LeadWaves))
