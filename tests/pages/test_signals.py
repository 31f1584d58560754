"""Synthetic signals: the laws of the leads hold, and what was planted is there."""

import numpy as np
import pytest

from ecgstudy.pages import disease, signals
from ecgstudy.vocabulary import CLASSES, LEADS

EVERY_KIND = [(label, kind) for label in CLASSES for kind in disease.KINDS[label]]


def recording(label, kind=None, seed=0, **options):
    return signals.simulate(label, kind=kind, rng=np.random.default_rng(seed), **options)


def after_the_r_peaks(made, lead, seconds):
    """Median over beats of the level so many seconds after R, against the level just before the beat."""
    index = np.round(made.beat_times[1:-1] * made.sampling_rate).astype(int)
    signal = made.signals[lead]
    late = np.median(signal[index + round(seconds * made.sampling_rate)])
    return late - np.median(signal[index - round(0.09 * made.sampling_rate)])


@pytest.mark.parametrize(("label", "kind"), EVERY_KIND)
def test_einthoven_and_goldberger_hold_to_the_last_bit(label, kind):
    leads = recording(label, kind).signals
    assert np.array_equal(leads["I"] + leads["III"], leads["II"])
    assert not np.any(leads["aVR"] + leads["aVL"] + leads["aVF"])
    assert np.array_equal(leads["aVF"], (leads["II"] + leads["III"]) / 2)


@pytest.mark.parametrize(("label", "kind"), EVERY_KIND)
def test_signals_are_ten_seconds_of_twelve_leads_around_zero(label, kind):
    made = recording(label, kind, seed=3)
    assert tuple(made.signals) == LEADS
    for signal in made.signals.values():
        assert signal.shape == (5000,)
        assert abs(np.median(signal)) < 0.05
        assert np.ptp(signal) < 6


@pytest.mark.parametrize("wall", disease.WALLS)
def test_the_st_segment_is_raised_in_the_territory_and_lowered_opposite(wall):
    for seed in range(8):
        made = recording("mi", wall, seed=seed)
        levels = {lead: after_the_r_peaks(made, lead, 0.105) for lead in LEADS}
        raised = [lead for lead in made.territory if levels[lead] >= 0.1]
        assert len(raised) >= 2, levels  # what guidelines ask for: two neighbouring leads
        assert min(levels[lead] for lead in made.reciprocal) < -0.04, levels


@pytest.mark.parametrize("label", ["normal", "abnormal"])
def test_no_st_elevation_where_none_was_planted(label):
    for seed in range(8):
        made = recording(label, {"normal": "sinus", "abnormal": "bradycardia"}[label], seed=seed)
        assert max(abs(after_the_r_peaks(made, lead, 0.105)) for lead in LEADS) < 0.2


@pytest.mark.parametrize("wall", disease.WALLS)
def test_an_old_infarction_has_deep_q_waves_and_inverted_t_waves_in_its_territory(wall):
    for seed in range(8):
        made = recording("history", wall, seed=seed)
        q_depth = {lead: after_the_r_peaks(made, lead, -0.028) for lead in made.territory}
        quick = np.sqrt(60 / made.rate)
        t_height = {lead: after_the_r_peaks(made, lead, 0.275 * quick) for lead in made.territory}
        assert sum(depth < -0.1 for depth in q_depth.values()) >= 2, q_depth
        assert sum(height < -0.02 for height in t_height.values()) >= 2, t_height


def test_rates_are_those_of_the_rhythm():
    assert recording("abnormal", "tachycardia").rate > 100
    assert recording("abnormal", "bradycardia").rate < 52
    assert 50 < recording("normal").rate < 95


def test_atrial_fibrillation_is_irregular_and_sinus_rhythm_is_not():
    def spread(made):
        intervals = np.diff(made.beat_times)
        return intervals.std() / intervals.mean()

    for seed in range(5):
        assert spread(recording("abnormal", "atrial_fibrillation", seed=seed)) > 0.1
        assert spread(recording("normal", seed=seed)) < 0.06


def test_ventricular_beats_come_early_and_are_marked():
    made = recording("abnormal", "ventricular_beats")
    early = np.flatnonzero(made.ectopic[1:]) + 1
    intervals = np.diff(made.beat_times)
    assert early.size >= 1
    assert intervals[early - 1].max() < 0.8 * np.median(intervals)
    middle = made.beat_times[early[0]]
    assert any(start <= middle <= end for start, end in made.changed)


def test_the_truth_says_when_a_recording_is_not_healthy():
    assert recording("normal").changed.shape == (0, 2)
    assert recording("normal").territory == ()
    everywhere = recording("abnormal", "bradycardia").changed
    assert np.array_equal(everywhere, [[0, 10]])
    spans = recording("mi", "anterior").changed
    assert spans.shape[1] == 2
    assert np.all(spans[:, 1] > spans[:, 0])


def test_r_peaks_stand_at_the_beat_times():
    made = recording("normal", noise_mv=0.0)
    index = np.round(made.beat_times[1:-1] * made.sampling_rate).astype(int)
    for beat in index:
        window = made.signals["II"][beat - 60 : beat + 60]
        assert abs(int(window.argmax()) - 60) <= 8  # 16 ms


def test_one_seed_gives_one_recording():
    one, two, other = recording("mi", seed=5), recording("mi", seed=5), recording("mi", seed=6)
    assert all(np.array_equal(one.signals[lead], two.signals[lead]) for lead in LEADS)
    assert not np.array_equal(one.signals["II"], other.signals["II"])


def test_one_person_resembles_herself_more_than_another():
    rng = np.random.default_rng(1)
    anne, bert = signals.person(rng=rng), signals.person(rng=rng)

    def beat(who, seed):
        made = recording("normal", seed=seed, who=who)
        start = round(made.beat_times[2] * 500) - 40
        return np.concatenate([made.signals[lead][start : start + 80] for lead in LEADS])

    same = np.abs(beat(anne, 1) - beat(anne, 2)).mean()
    assert same < 0.5 * np.abs(beat(anne, 1) - beat(bert, 2)).mean()


def test_a_low_pass_keeps_slow_and_removes_fast_oscillations():
    time = np.arange(2000) / 500
    slow, fast = np.sin(2 * np.pi * 5 * time), np.sin(2 * np.pi * 80 * time)
    left = signals.low_pass(slow + fast, 25.0, 500.0)
    assert np.abs(left - slow)[200:-200].max() < 0.05
    assert np.array_equal(signals.low_pass(slow, 300.0, 500.0), slow)
    assert signals.low_pass(slow[:3], 25.0, 500.0).shape == (3,)  # a scrap of a trace


@pytest.mark.parametrize(("label", "kind"), [("infarct", None), ("mi", "sinus")])
def test_an_unknown_class_or_kind_is_refused_by_name(label, kind):
    with pytest.raises(ValueError, match=r"unknown (class 'infarct'|kind 'sinus')"):
        recording(label, kind)
