"""Synthetic 12-lead signals with a known disease.

A heart is a dipole that turns and changes its length: each of its three components (left, down, back) is a
sum of Gaussians in time, one per wave of the beat. Fixed lead vectors project it to the leads, so that the
laws of Einthoven and Goldberger hold exactly, and an injury in one wall raises the ST segment there and
lowers it opposite, as in a real chest.

References:
    Sum of Gaussians: McSharry et al. 2003, doi:10.1109/TBME.2003.808805. Dipole in three dimensions: Sameni et
    al. 2007, doi:10.1155/2007/43407. Lead vectors: Dower et al. 1980, doi:10.1002/clc.4960030308.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.signal

from ecgstudy.pages import disease
from ecgstudy.vocabulary import CLASSES, LEADS, choose

SAMPLING_RATE = 500.0
SECONDS = 10.0
_STEP_MV = 2.0**-10  # limb leads are multiples of it, so that sums and halves of them are exact

# Rows I, II, V1 to V6; columns left, down, back (Dower 1980).
_LEAD_VECTORS = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)


@dataclass(frozen=True)
class Person:
    """What stays the same between two recordings of one person."""

    gain: float  # all waves
    atrial_gain: float
    repolarisation_gain: float
    turn: np.ndarray  # (3, 3) rotation of the heart in the chest
    chest_gains: np.ndarray  # (6,) of V1 to V6: where the electrodes sit
    early_repolarisation_mv: float  # harmless ST elevation towards the front
    rate_shift: float  # in standard deviations from the mean rate of the class


@dataclass(frozen=True)
class Recording:
    """Twelve simultaneous leads and what is true about them."""

    signals: dict[str, np.ndarray]  # millivolts, in the order of vocabulary.LEADS
    sampling_rate: float  # Hz
    label: str  # in vocabulary.CLASSES
    kind: str  # in disease.KINDS[label]: a wall of the heart, a rhythm, or `sinus`
    territory: tuple[str, ...]  # leads that carry the change: ST elevation, or Q and inverted T; all for a rhythm
    reciprocal: tuple[str, ...]  # leads with the opposite change
    phase: str  # what carries the class: `ST`, `Q/T`, `rhythm`, or nothing
    changed: np.ndarray  # (intervals, 2) seconds in which the recording differs from a healthy one
    beat_times: np.ndarray  # (beats,) seconds of the R peaks, ectopic beats among them
    ectopic: np.ndarray  # (beats,) bool
    rate: float  # beats per minute, as a device would print it


def person(*, rng: np.random.Generator) -> Person:
    """A person drawn at random: size and position of the heart, electrodes, habits of the rate."""
    return Person(
        gain=float(np.clip(rng.normal(0.92, 0.2), 0.5, 1.5)),
        atrial_gain=float(np.clip(rng.normal(1.0, 0.2), 0.5, 1.6)),
        repolarisation_gain=float(np.clip(rng.normal(1.0, 0.2), 0.55, 1.6)),
        turn=_rotation(frontal=rng.normal(2.0, 15.0), horizontal=rng.normal(0.0, 10.0)),
        chest_gains=np.clip(rng.normal(1.0, 0.1, 6), 0.7, 1.3),
        early_repolarisation_mv=float(max(0.0, rng.normal(0.02, 0.025))),
        rate_shift=float(rng.normal()),
    )


def simulate(
    label: str, *, rng: np.random.Generator, kind: str | None = None, who: Person | None = None,
    bandwidth_hz: float = 25.0, noise_mv: float | None = None,
) -> Recording:  # fmt: skip
    """Ten seconds of 12 leads at 500 Hz that show a class.

    Args:
        label: one of vocabulary.CLASSES.
        rng: where every random choice comes from.
        kind: which disease of the class (`disease.KINDS`); drawn at random by default.
        who: whose heart; a new person by default.
        bandwidth_hz: low-pass of the device; 25, 45 and 100 on the layouts of the public set.
        noise_mv: standard deviation of muscle noise, which also scales the wander; at random by default.

    Returns:
        Signals in millivolts around zero, with III = II - I, aVR = -(I + II)/2, aVL = I - II/2 and
        aVF = II - I/2 exact to the last bit.

    Raises:
        ValueError: unknown class or kind.
    """
    choose("class", label, CLASSES)
    kind = choose("kind", kind, disease.KINDS[label]) if kind else str(rng.choice(disease.KINDS[label]))
    who = who or person(rng=rng)
    rhythm = disease.rhythm(kind, label, shift=who.rate_shift, seconds=SECONDS, rng=rng)
    change = disease.change(label, kind, turn=who.turn, rng=rng)
    time = np.arange(round(SECONDS * SAMPLING_RATE)) / SAMPLING_RATE
    dipole = who.turn @ _dipole(time, rhythm, change, who) + change.injury(time, rhythm)
    dipole += rhythm.atrial_waves(time)
    noise = abs(rng.normal(0.006, 0.004)) + 0.002 if noise_mv is None else noise_mv
    inside = (rhythm.times >= 0) & (rhythm.times < SECONDS)
    return Recording(
        signals=_leads(dipole, who, noise, bandwidth_hz, rng),
        sampling_rate=SAMPLING_RATE,
        label=label,
        kind=kind,
        territory=change.territory,
        reciprocal=change.reciprocal,
        phase=change.phase,
        changed=change.intervals(rhythm, SECONDS),
        beat_times=rhythm.times[inside],
        ectopic=rhythm.ectopic[inside],
        rate=float(60 / np.diff(rhythm.times[inside]).mean()),
    )


def low_pass(signal: np.ndarray, bandwidth_hz: float, sampling_rate: float) -> np.ndarray:
    """The signal (last axis: time) without what lies above `bandwidth_hz`; no shift in time, linear.

    A bandwidth at or above half of the sampling rate changes nothing.
    """
    if bandwidth_hz >= sampling_rate / 2:
        return signal
    sections = scipy.signal.butter(2, bandwidth_hz, fs=sampling_rate, output="sos")
    return scipy.signal.sosfiltfilt(sections, signal, axis=-1, padlen=min(9, signal.shape[-1] - 1))


def limb_leads(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """The six limb leads from I and II, by Einthoven and Goldberger."""
    return {
        "I": first,
        "II": second,
        "III": second - first,
        "aVR": -(first + second) / 2,
        "aVL": first - second / 2,
        "aVF": second - first / 2,
    }


def _dipole(time: np.ndarray, rhythm: disease.Rhythm, change: disease.Change, who: Person) -> np.ndarray:
    """The dipole of one person's beats, `(3, samples)`, before the heart is turned into the chest."""
    sinus = ~rhythm.ectopic
    parts = (
        (disease.ATRIAL, who.gain * who.atrial_gain, sinus & rhythm.has_p),
        (change.depolarisation, who.gain, sinus),
        (change.repolarisation, who.gain * who.repolarisation_gain, sinus),
        (disease.EARLY_REPOLARISATION, who.early_repolarisation_mv, sinus),
        (rhythm.ectopic_waves, who.gain, rhythm.ectopic),
    )
    waves = [wave.drawn(time, rhythm, gain * rhythm.gains * beats) for waves, gain, beats in parts for wave in waves]
    return np.sum(waves, axis=0)


def _leads(dipole: np.ndarray, who: Person, noise_mv: float, bandwidth_hz: float,
           rng: np.random.Generator) -> dict[str, np.ndarray]:  # fmt: skip
    """Project the dipole to the leads, with noise on every electrode, as the device filters and samples it."""
    electrodes = _electrode_noise(noise_mv, rng, dipole.shape[1])  # right arm, left arm, leg, V1 to V6
    right, left, leg = electrodes[:3]
    independent = _LEAD_VECTORS @ dipole  # (8, samples): I, II, V1 to V6
    independent[2:] *= who.chest_gains[:, None]
    independent += np.vstack([left - right, leg - right, electrodes[3:] - electrodes[:3].mean(0)])
    independent = low_pass(independent, bandwidth_hz, SAMPLING_RATE)
    independent -= np.median(independent, axis=1, keepdims=True)
    independent = np.round(independent / _STEP_MV) * _STEP_MV
    return limb_leads(independent[0], independent[1]) | dict(zip(LEADS[6:], independent[2:], strict=True))


def _electrode_noise(noise_mv: float, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Muscle noise and slow wander of nine electrodes, `(9, samples)` millivolts."""
    muscle = scipy.ndimage.gaussian_filter1d(rng.standard_normal((9, samples)), 1.5, axis=1)
    time = np.arange(samples) / SAMPLING_RATE
    frequency, start = rng.uniform(0.1, 0.5, (9, 3, 1)), rng.uniform(0, 2 * np.pi, (9, 3, 1))
    wander = np.sin(2 * np.pi * frequency * time + start).mean(1)
    return noise_mv * (muscle / 0.43 + 3.0 * rng.uniform(0.2, 1.5, (9, 1)) * wander)


def _rotation(*, frontal: float, horizontal: float) -> np.ndarray:
    """Turn by so many degrees in the frontal plane (clockwise on the page), then in the horizontal one."""
    f, h = np.radians([frontal, horizontal])
    in_front = np.array([[np.cos(f), -np.sin(f), 0], [np.sin(f), np.cos(f), 0], [0, 0, 1]])
    from_above = np.array([[np.cos(h), 0, -np.sin(h)], [0, 1, 0], [np.sin(h), 0, np.cos(h)]])
    return from_above @ in_front
