"""Measurements agree with what is known of drawn hearts, and with numbers put in by hand."""

import numpy as np
import pytest

from ecgstudy.pages import beats, draw, reading, trace, waves
from ecgstudy.pages.signals import simulate
from ecgstudy.vocabulary import CLASSES, LEADS


def measured(label, *, seed=0, layout="3x4", size="packed", kind=None):
    recording = simulate(label, rng=np.random.default_rng(seed), kind=kind)
    drawn = draw.draw_page(recording, layout=layout, size=size)
    return recording, reading.measure(trace.trace(drawn.picture))


@pytest.mark.parametrize("layout", ["3x4", "6x2plain", "6x2grid"])
@pytest.mark.parametrize("label", CLASSES)
def test_the_rate_on_the_page_is_the_rate_of_the_heart(label, layout):
    recording, found = measured(label, layout=layout, seed=len(label))
    assert found.rate == pytest.approx(recording.rate, rel=0.05)


def test_every_beat_is_found_at_its_time():
    recording, found = measured("normal", seed=3)
    inside = recording.beat_times[(recording.beat_times > 0.2) & (recording.beat_times < 9.8)]
    distance = abs(found.beats.times[:, None] - inside).min(axis=0)
    assert (distance < 0.05).all()
    assert abs(found.beats.times.size - recording.beat_times.size) <= 1


def test_a_fibrillating_heart_is_irregular_and_a_healthy_one_is_not():
    _, wild = measured("abnormal", kind="atrial_fibrillation")
    _, calm = measured("normal")
    assert wild.rr_irregularity > 2 * calm.rr_irregularity
    assert wild.rr_irregularity > 0.1


def test_st_elevation_is_seen_in_its_territory():
    recording, found = measured("mi", kind="anterior", size="grid")
    raised = np.mean([found.leads[lead].st_j60_mv for lead in recording.territory])
    elsewhere = np.mean([found.leads[lead].st_j60_mv for lead in LEADS if lead not in recording.territory])
    assert raised > 0.1
    assert raised > elsewhere + 0.1


def test_amplitudes_are_those_of_the_median_beat_of_the_truth():
    recording, found = measured("normal", seed=5, size="grid")
    first, last = (round(second * 500) for second in (2.5 * 3, 10))  # V4 to V6 stand in the last column
    truth = recording.signals["V5"][first:last]
    at = [round(time * 500) - first for time in recording.beat_times if 7.7 < time < 9.7]
    r = np.median([truth[max(0, one - 20) : one + 20].max() - np.median(truth[one - 45 : one - 35]) for one in at])
    assert found.leads["V5"].r_mv == pytest.approx(r, abs=0.1)


def a_beat(rate=250.0):
    """A beat made by hand: P of 80 ms, PR 160 ms, QRS of 80 ms, T; 1 mV; fiducial at 0.32 s."""
    time = np.arange(round(0.88 * rate)) / rate - 0.32

    def wave(centre, width, height):
        return height * np.exp(-0.5 * ((time - centre) / width) ** 2)

    return wave(-0.15, 0.018, 0.15) + wave(-0.02, 0.006, -0.2) + wave(0, 0.008, 1.0) + wave(0.24, 0.035, 0.3)


def test_intervals_of_a_beat_made_by_hand():
    beat = np.stack([a_beat(), 0.5 * a_beat(), -0.4 * a_beat()])
    found = waves.find_intervals(beat, 80, 250.0, 0.9)
    assert found.p_onset is not None
    assert found.t_end is not None
    assert (found.qrs_onset - found.p_onset) * 4 == pytest.approx(160, abs=24)
    assert (found.qrs_end - found.qrs_onset) * 4 == pytest.approx(65, abs=24)
    assert (found.t_end - found.qrs_onset) * 4 == pytest.approx(350, abs=30)


def test_q_r_and_t_of_a_beat_made_by_hand():
    found = waves.find_intervals(a_beat()[None], 80, 250.0, 0.9)
    one = waves.lead_waves(a_beat(), found, 250.0)
    assert one.r_mv == pytest.approx(1.0, abs=0.05)
    assert one.q_mv == pytest.approx(-0.16, abs=0.06)
    assert 8 <= one.q_ms <= 32
    assert one.t_mv == pytest.approx(0.3, abs=0.02)
    assert one.st_j60_mv == pytest.approx(0, abs=0.05)


def test_a_qrs_without_r_is_a_q_and_an_s_of_its_full_depth():
    found = waves.find_intervals(a_beat()[None], 80, 250.0, 0.9)
    depth = a_beat() * 0
    depth[76:86] = -0.8
    one = waves.lead_waves(depth, found, 250.0)
    assert (one.r_mv, one.s_mv, one.q_mv) == (0.0, -0.8, -0.8)


def test_a_lead_hidden_in_its_qrs_is_not_measured():
    found = waves.find_intervals(a_beat()[None], 80, 250.0, 0.9)
    hidden = a_beat()
    hidden[78:84] = np.nan
    assert np.isnan(waves.lead_waves(hidden, found, 250.0).r_mv)


def test_a_p_wave_that_points_down_in_a_lead_begins_where_it_begins_in_the_others():
    upright = a_beat()
    leads = np.stack([upright, -0.4 * upright, 0.2 * upright])
    assert waves.find_intervals(leads, 80, 250.0, 0.9).p_onset == pytest.approx(
        waves.find_intervals(upright[None], 80, 250.0, 0.9).p_onset, abs=2
    )


def test_the_area_of_a_qrs_survives_a_small_gap_and_not_a_large_one():
    found, whole = waves.find_intervals(a_beat()[None], 80, 250.0, 0.9), a_beat()
    small, large = whole.copy(), whole.copy()
    small[found.qrs_onset + 2 : found.qrs_onset + 4] = np.nan
    large[found.qrs_onset + 2 : found.qrs_end - 2] = np.nan
    assert waves.area(small, found) == pytest.approx(waves.area(whole, found), rel=0.15)
    assert np.isnan(waves.area(large, found))


def test_the_row_has_all_measurements_whatever_could_be_measured():
    _, found = measured("normal")
    assert list(found.as_row()) == list(reading.empty_row())
    assert len(found.as_row()) == 8 + 12 * len(waves.LEAD_COLUMNS)
    assert all(isinstance(value, float) for value in found.as_row().values())


def test_a_flat_page_has_no_beats():
    recording = simulate("normal", rng=np.random.default_rng(0))
    recording.signals.update({lead: np.zeros(5000) for lead in LEADS})
    traced = trace.trace(draw.draw_page(recording, size="packed").picture)
    with pytest.raises(ValueError, match="no beat"):
        beats.find_beats(traced)
