"""What a disease does to a synthetic heart: its waves and its rhythm.

Vectors are (left, down, back) in millivolts, times are seconds from the R peak.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ecgstudy.vocabulary import LEADS

WALLS = ("anterior", "inferior", "lateral")
KINDS: dict[str, tuple[str, ...]] = {
    "mi": WALLS,
    "history": WALLS,
    "abnormal": ("atrial_fibrillation", "ventricular_beats", "tachycardia", "bradycardia"),
    "normal": ("sinus",),
}
TERRITORIES: dict[str, tuple[str, ...]] = {
    "anterior": ("V1", "V2", "V3", "V4"),
    "inferior": ("II", "III", "aVF"),
    "lateral": ("I", "aVL", "V5", "V6"),
}
RECIPROCAL: dict[str, tuple[str, ...]] = {
    "anterior": ("III", "aVF"),
    "inferior": ("I", "aVL"),
    "lateral": ("III", "aVF", "V1"),
}
_TOWARDS: dict[str, tuple[float, float, float]] = {  # of the wall, length near 1
    "anterior": (0.28, -0.30, -0.90),
    "inferior": (-0.28, 0.95, 0.10),
    "lateral": (0.80, -0.48, 0.30),
}


class Wave(NamedTuple):
    """One Gaussian of the dipole."""

    time: float  # of its peak, at 60 beats a minute
    width: float  # standard deviation
    vector: tuple[float, ...]  # left, down, back: millivolts
    stretch: float = 0.0  # 0: stands at a fixed time; 1: moves with the square root of the RR interval (Bazett)

    def drawn(self, time: np.ndarray, rhythm: "Rhythm", gains: np.ndarray) -> np.ndarray:
        """This wave of all beats, `(3, samples)`, each beat's times its gain; `time` is evenly spaced from 0."""
        which = gains != 0
        factor = np.clip(rhythm.intervals[which], 0.3, 1.3) ** (0.5 * self.stretch)
        centre, width = rhythm.times[which] + self.time * factor, self.width * factor
        step = time[1] - time[0]
        reach = int(4.5 * width.max(initial=0.0) / step) + 1
        sample = np.round(centre / step).astype(int)[:, None] + np.arange(-reach, reach + 1)  # (beats, near samples)
        bumps = np.exp(-0.5 * ((sample * step - centre[:, None]) / width[:, None]) ** 2) * gains[which, None]
        inside = (sample >= 0) & (sample < time.size)
        return np.outer(self.vector, np.bincount(sample[inside], bumps[inside], minlength=time.size))


ATRIAL = (Wave(-0.172, 0.020, (0.045, 0.085, -0.045), 0.4), Wave(-0.145, 0.020, (0.050, 0.070, 0.020), 0.4))
_SEPTUM = Wave(-0.026, 0.0085, (-0.14, -0.06, -0.24))
_FREE_WALLS = (Wave(-0.004, 0.0115, (0.72, 0.55, -0.06)), Wave(0.006, 0.0110, (0.45, 0.40, 0.36)))
_BASE = Wave(0.031, 0.0105, (-0.30, -0.14, 0.42))
DEPOLARISATION = (_SEPTUM, *_FREE_WALLS, _BASE)
_T = ((0.245, 0.052, 0.55), (0.295, 0.034, 0.65))  # a slow rise and a faster fall: time, width, share
_T_VECTOR = (0.20, 0.15, -0.15)
EARLY_REPOLARISATION = tuple(Wave(t, 0.028, (0.2, 0.1, -0.8), 0.6) for t in (0.075, 0.115, 0.155))


@dataclass(frozen=True)
class Rhythm:
    """When the heart beats, a little beyond both ends of the recording."""

    times: np.ndarray  # (beats,) seconds of the R peaks
    intervals: np.ndarray  # (beats,) seconds, the RR interval that sets the QT time of the beat
    gains: np.ndarray  # (beats,) breathing: beats differ a little in height
    ectopic: np.ndarray  # (beats,) bool
    has_p: np.ndarray  # (beats,) bool
    ectopic_waves: tuple[Wave, ...] = ()
    fibrillation_hz: float = 0.0
    fibrillation: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def atrial_waves(self, time: np.ndarray) -> np.ndarray:
        """The flickering of fibrillating atria, `(3, samples)`; zero in every other rhythm."""
        phase = 2 * np.pi * self.fibrillation_hz * time + 1.5 * np.sin(2 * np.pi * 0.37 * time)
        return np.outer(self.fibrillation, np.sin(phase) + 0.35 * np.sin(2 * phase + 0.7))


@dataclass(frozen=True)
class Change:
    """What the waves of a class are, and where the truth of it lies."""

    phase: str
    territory: tuple[str, ...]
    reciprocal: tuple[str, ...]
    depolarisation: tuple[Wave, ...] = DEPOLARISATION
    repolarisation: tuple[Wave, ...] = field(default_factory=lambda: _t_wave(_T_VECTOR))
    injury_waves: tuple[Wave, ...] = ()  # of the ST segment, in the chest's own directions

    def injury(self, time: np.ndarray, rhythm: Rhythm) -> np.ndarray:
        """The injury current of an acute infarction, `(3, samples)`."""
        every_beat = np.ones(rhythm.times.size)
        waves = [wave.drawn(time, rhythm, every_beat) for wave in self.injury_waves]
        return np.sum(waves, axis=0) if waves else np.zeros((3, time.size))

    def intervals(self, rhythm: Rhythm, seconds: float) -> np.ndarray:
        """Where the recording shows its class, `(intervals, 2)` seconds: in each beat, or all of it."""
        spans = {"ST": [(0.04, 0.32)], "Q/T": [(-0.06, 0.04), (0.16, 0.40)]}
        if self.phase in spans:
            factors = np.sqrt(np.clip(rhythm.intervals, 0.3, 1.0))
            pairs = [rhythm.times[:, None] + factors[:, None] * span for span in spans[self.phase]]
        elif rhythm.ectopic.any():
            pairs = [rhythm.times[rhythm.ectopic][:, None] + (-0.12, 0.45)]
        else:
            pairs = [np.array([[0.0, seconds]])] if self.phase else [np.empty((0, 2))]
        found = np.clip(np.concatenate(pairs), 0, seconds)
        return found[np.argsort(found[:, 0])][np.ptp(found[np.argsort(found[:, 0])], axis=1) > 0]


def change(label: str, kind: str, *, turn: np.ndarray, rng: np.random.Generator) -> Change:
    """The waves of one patient with this disease, at a severity drawn at random.

    Args:
        label: the class.
        kind: one of `KINDS[label]`.
        turn: how the heart lies in the chest, `(3, 3)`; walls are named by the chest, waves by the heart.
        rng: source of chance.
    """
    if label == "mi":
        return _acute(kind, turn, rng)
    if label == "history":
        return _scar(kind, turn, rng)
    rhythm_leads = LEADS if label == "abnormal" else ()
    return Change("rhythm" if label == "abnormal" else "", rhythm_leads, ())


def _acute(wall: str, turn: np.ndarray, rng: np.random.Generator) -> Change:
    """ST elevation towards the wall, which runs into a tall T; what lies opposite is lowered by the same dipole."""
    towards = np.array(_TOWARDS[wall])
    elevation = rng.uniform(0.22, 0.42)
    shape = ((0.070, 0.55), (0.110, 0.60), (0.150, 0.65), (0.190, 0.62), (0.230, 0.5))  # time, share: a dome
    plateau = [Wave(t, 0.028, tuple(share * elevation * towards), 0.5) for t, share in shape]
    t_wave = _t_wave(tuple(0.6 * np.array(_T_VECTOR) + elevation * rng.uniform(0.5, 1.3) * (turn.T @ towards)))
    return Change("ST", TERRITORIES[wall], RECIPROCAL[wall], repolarisation=t_wave, injury_waves=tuple(plateau))


def _scar(wall: str, turn: np.ndarray, rng: np.random.Generator) -> Change:
    """A wide Q wave (the dead wall does not answer, so the dipole first points away) and an inverted T."""
    towards = turn.T @ np.array(_TOWARDS[wall])
    q_wave = Wave(-0.026, 0.0140, tuple(-rng.uniform(0.55, 0.85) * towards))
    first, second = (np.array(wave.vector) for wave in _FREE_WALLS)
    lost = (rng.uniform(0.3, 0.5) * max(first @ towards, 0.0) + 0.3) * towards
    walls = tuple(
        wave._replace(vector=tuple(vector - lost)) for wave, vector in zip(_FREE_WALLS, (first, second), strict=True)
    )
    t_vector = np.array(_T_VECTOR) - (np.array(_T_VECTOR) @ towards + rng.uniform(0.14, 0.32)) * towards
    return Change("Q/T", TERRITORIES[wall], (), (q_wave, *walls, _BASE), _t_wave(tuple(t_vector)))


def _t_wave(vector: tuple[float, ...]) -> tuple[Wave, ...]:
    return tuple(Wave(t, width, tuple(share * v for v in vector), 1.0) for t, width, share in _T)


_RATES = {  # mean and standard deviation in beats per minute, lowest, highest: near the printed rates of the public set
    "mi": (77, 14, 50, 115),
    "history": (78, 12, 52, 110),
    "normal": (72, 8, 56, 90),
    "atrial_fibrillation": (105, 22, 65, 160),
    "ventricular_beats": (76, 10, 58, 100),
    "tachycardia": (128, 14, 106, 175),
    "bradycardia": (44, 4, 34, 50),
}


def rhythm(kind: str, label: str, *, shift: float, seconds: float, rng: np.random.Generator) -> Rhythm:
    """Beats from before the start until after the end of the recording.

    Args:
        kind: a rhythm of `KINDS["abnormal"]`, or anything else for a regular one at the rate of the class.
        label: the class, for its rate.
        shift: the person's habit, in standard deviations of the rate.
        seconds: length of the recording.
        rng: source of chance.
    """
    mean, spread, low, high = _RATES.get(kind, _RATES.get(label, _RATES["normal"]))
    rate = float(np.clip(mean + spread * (0.9 * shift + 0.45 * rng.normal()), low, high))
    count = int((seconds + 4) * rate / 60 * 1.6) + 4
    irregular = 0.19 if kind == "atrial_fibrillation" else rng.uniform(0.005, 0.03)
    rr = 60 / rate * np.clip(1 + irregular * rng.standard_normal(count), 0.55, 1.7)
    ectopic = np.zeros(count, dtype=bool)
    waves: tuple[Wave, ...] = ()
    if kind == "ventricular_beats":
        every = int(rng.integers(3, 6))
        ectopic[int(rng.integers(1, every + 1)) :: every] = True
        early = rng.uniform(0.58, 0.72)
        rr[np.flatnonzero(ectopic)] *= early  # the interval before an early beat; the pause after it makes up
        after = np.flatnonzero(ectopic[:-1]) + 1
        rr[after] *= 2 - early
        waves = _ectopic_waves(rng)
    times = np.cumsum(rr) - rr[0] - 1.5 - rng.uniform(0, rr[0])
    fibrillating = kind == "atrial_fibrillation"
    return Rhythm(
        times=times,
        intervals=np.where(ectopic, 60 / rate, np.minimum(rr, 60 / rate * 1.15)),
        gains=1 + 0.04 * np.sin(2 * np.pi * rng.uniform(0.2, 0.35) * times) + 0.01 * rng.standard_normal(count),
        ectopic=ectopic,
        has_p=np.full(count, not fibrillating),
        ectopic_waves=waves,
        fibrillation_hz=rng.uniform(5.0, 7.5),
        fibrillation=tuple(rng.uniform(0.03, 0.07) * np.array((-0.25, 0.55, -0.8)))
        if fibrillating
        else (0.0, 0.0, 0.0),
    )


def _ectopic_waves(rng: np.random.Generator) -> tuple[Wave, ...]:
    """A wide beat from one spot in a ventricle and its T wave in the opposite direction."""
    towards = rng.standard_normal(3)
    towards *= rng.uniform(1.0, 1.5) / np.linalg.norm(towards)
    turned = np.roll(towards, 1) * 0.3
    return (
        Wave(-0.015, 0.018, tuple(0.6 * towards + turned)),
        Wave(0.022, 0.022, tuple(towards - turned)),
        Wave(0.28, 0.060, tuple(-0.40 * towards), 1.0),
    )
