"""Maps read by lead, by phase and in words."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ecgstudy.explanation import leads, phases, sentences, truth
from ecgstudy.pages import draw
from ecgstudy.vocabulary import LEADS

SHAPE = (64, 112)


@pytest.fixture
def layout(mi_pages):
    return mi_pages[0].layout


@pytest.mark.parametrize("name", ["3x4", "6x2plain", "6x2grid"])
@pytest.mark.parametrize("size", ["packed", "page"])
def test_lead_sums_add_up_to_the_map(name, size):
    page = draw.synthetic_page(0, seed=1, layouts=[name], size=size)
    heat = np.random.default_rng(0).normal(size=SHAPE)
    sums = leads.lead_sums(heat, page.layout)
    assert sums.sum() == pytest.approx(heat.sum())
    shares = leads.lead_shares(heat, page.layout)
    assert shares.sum() == pytest.approx(1)
    assert tuple(shares.index) == leads.REGIONS
    assert shares["strip"] == 0 if page.layout.strip is None else shares["strip"] > 0


def test_a_map_inside_one_lead_belongs_to_that_lead(layout):
    for lead in LEADS:
        heat = np.zeros(SHAPE)
        heat[layout.leads[lead].pixels(*SHAPE)] = 1
        assert leads.lead_shares(heat, layout)[lead] == pytest.approx(1)


def test_shares_count_what_speaks_for_the_class_unless_asked_otherwise(layout):
    heat = np.zeros(SHAPE)
    heat[layout.leads["V1"].pixels(*SHAPE)] = 2
    heat[layout.leads["I"].pixels(*SHAPE)] = -1
    assert leads.lead_shares(heat, layout)["V1"] == pytest.approx(1)
    assert leads.lead_shares(heat, layout, part="negative")["I"] == pytest.approx(1)
    assert leads.lead_shares(heat, layout, part="magnitude")["V1"] == pytest.approx(2 / 3, abs=0.03)
    assert leads.lead_shares(-np.abs(heat), layout).isna().all()


def test_an_even_map_has_the_shares_of_the_area(layout):
    shares = leads.lead_shares(np.full(SHAPE, 3.0), layout)
    pd.testing.assert_series_equal(shares, leads.area_shares(layout, *SHAPE))
    assert 0.05 < shares["V3"] < 0.07  # 0.233 of the width by 0.245 of the height
    assert leads.territory_shares(shares)["anterior"] == pytest.approx(shares[["V1", "V2", "V3", "V4"]].sum())


def test_a_page_without_lead_boxes_is_refused_by_name(layout):
    other = dataclasses.replace(layout, name="other", leads={})
    with pytest.raises(ValueError, match="layout 'other' has no known lead boxes"):
        leads.lead_shares(np.ones(SHAPE), other)


def test_mean_shares_have_intervals_that_hold_the_mean_and_know_groups(layout):
    rng = np.random.default_rng(0)
    maps = rng.uniform(size=(12, *SHAPE)) ** 8
    names = [f"p{k}" for k in range(12)]
    table = leads.shares_table(maps, [layout] * 12, names)
    pages = pd.DataFrame(
        {"page_id": names, "label": ["mi"] * 6 + ["normal"] * 6, "group": [f"g{k // 2}" for k in range(12)]}
    )
    found = leads.mean_shares(table, pages, resamples=500, seed=0)
    assert list(found.columns) == ["label", "region", "value", "low", "high", "area", "pages"]
    inside = found[found["area"] > 0]
    assert ((inside["low"] <= inside["value"]) & (inside["value"] <= inside["high"])).all()
    assert found.groupby("label")["value"].sum().to_numpy() == pytest.approx([1, 1])
    alone = leads.mean_shares(table, pages.assign(group=names), resamples=500, seed=0)
    assert (alone["pages"] == 6).all()


def test_phases_lie_where_the_beats_are(mi_pages):
    """A beat at 1 s: its QRS is 40 % into the first column; one at 3 s is 20 % into the second."""
    layout = mi_pages[0].layout
    index = phases.phase_index(layout, np.array([1.0, 3.0]), 64, 1120)
    for lead, share in (("II", 0.4), ("aVL", 0.2)):
        box = layout.leads[lead]
        rows, columns = box.pixels(64, 1120)
        qrs = np.flatnonzero(index[rows.start, columns] == phases.PHASES.index("QRS"))
        assert qrs.mean() / (columns.stop - columns.start) == pytest.approx(share - 0.005 / 2.5, abs=0.005)
    rows, columns = layout.strip.pixels(64, 1120)
    qrs = np.flatnonzero(index[rows.start, columns] == phases.PHASES.index("QRS")) / (columns.stop - columns.start)
    assert [part.mean() for part in np.split(qrs, 2)] == pytest.approx([0.0995, 0.2995], abs=0.005)


def test_phase_shares_add_up(mi_pages):
    page = mi_pages[0]
    heat = np.random.default_rng(0).uniform(size=SHAPE)
    shares = phases.phase_shares(heat, page.layout, page.recording.beat_times)
    assert shares.sum() == pytest.approx(1)
    by_lead = phases.lead_phase_shares(heat, page.layout, page.recording.beat_times)
    assert by_lead.to_numpy().sum() + shares["outside"] == pytest.approx(1)
    assert by_lead.sum(axis=1)["V2"] == pytest.approx(leads.lead_shares(heat, page.layout)["V2"])


def test_the_truth_of_an_infarction_lies_in_its_leads_and_mostly_in_st_and_t(mi_pages):
    for page in mi_pages:
        mask = truth.truth_mask(page, *SHAPE)
        shares = leads.lead_shares(mask.astype(float), page.layout)
        allowed = {*page.territory, *(["strip"] if page.layout.strip_lead in page.territory else [])}
        assert shares[shares > 0].index.isin(allowed).all()
        by_phase = phases.phase_shares(mask.astype(float), page.layout, page.recording.beat_times)
        assert by_phase[["ST", "T"]].sum() > 0.8
        assert 0.02 < mask.mean() < 0.3


def test_pointing_and_mass_of_maps_that_are_right_wrong_and_even(mi_pages):
    mask = truth.truth_mask(mi_pages[0], *SHAPE)
    right, wrong = mask * 2.0, (~mask) * 1.0
    wrong[-1, 0] = 5  # a corner, far from the truth
    assert truth.pointing_hit(right, mask) == truth.mass_inside(right, mask) == 1
    assert truth.pointing_hit(wrong, mask) == truth.mass_inside(wrong, mask) == 0
    assert truth.mass_inside(np.ones(SHAPE), mask) == pytest.approx(mask.mean())
    assert np.isnan(truth.pointing_hit(right, np.zeros_like(mask)))
    assert np.isnan(truth.mass_inside(np.zeros(SHAPE), mask))


def areas():
    even = pd.Series(0.06, index=list(leads.REGIONS))
    even["strip"], even["outside"] = 0.22, 0.06
    return even


def test_the_sentence_names_leads_wall_phase_and_agreement():
    shares = areas() * 0.5
    shares[["V2", "V3"]] = 0.3, 0.24
    phase = pd.Series({"P": 0.05, "QRS": 0.05, "ST": 0.5, "T": 0.2, "between": 0.15, "outside": 0.05})
    even = pd.Series({"P": 0.2, "QRS": 0.15, "ST": 0.1, "T": 0.25, "between": 0.25, "outside": 0.05})
    text = sentences.sentence("mi", 0.834, shares, areas(), phases=phase, phase_areas=even, agreement=0.41)
    assert text.startswith("The model answers “Myocardial infarction” with a probability of 0.83.")
    assert "Its map (Grad-CAM) lies mostly on V2 (30%) and V3 (24%); the anterior leads together have 60%" in text
    assert "falls on ST segments" in text
    assert "agree in part about the places (rank correlation 0.41)" in text
    assert "outside" not in text


def test_the_sentence_does_not_name_what_does_not_stand_out():
    text = sentences.sentence("normal", 0.6, areas(), areas())
    assert "spread over the page" in text
    assert "was not asked" in text
    assert "shows no place" in sentences.sentence("normal", 0.6, areas() * np.nan, areas())


def test_the_sentence_warns_of_a_map_outside_the_leads():
    shares = areas() * 0.6
    shares["outside"] = 0.43
    assert "43% lies outside of all leads, where no heart is: distrust" in sentences.sentence(
        "mi", 0.9, shares, areas()
    )


def test_a_map_wholly_outside_of_the_leads_has_a_sentence_too():
    """Shares of the leads would be 0/0."""
    shares, even = areas() * 0, pd.Series(0.2, index=[*phases.PHASES, "outside"])
    shares["outside"] = 1.0
    text = sentences.sentence("mi", 0.9, shares, areas(), phases=even * 0, phase_areas=even, agreement=0.9)
    assert "lies wholly outside of all leads, where no heart is: distrust this answer. Models" in text
    assert "Within" not in text
