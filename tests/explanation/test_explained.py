"""Pictures in, explanations out."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import shipped
from ecgstudy.data.manifest import Pages
from ecgstudy.explanation import backdrop, cases, explained, leads, networks, phases
from ecgstudy.pages import draw
from ecgstudy.study import Image, Study

from .conftest import SquareAnswer

SHAPE = (64, 112)


@pytest.fixture
def answer():
    """Class 0 is the ink in V2, class 1 is 0.1 whatever the page shows."""
    weights = np.zeros((*SHAPE, 3, 4))
    part = draw.synthetic_page(0, seed=5, label="mi").layout.leads["V2"].pixels(*SHAPE)
    weights[part] = [5.0, 0, 0, 0]
    weights[part] /= weights[part][..., 0].size

    class Ink(SquareAnswer):
        def probabilities(self, pictures):
            return super().probabilities(255 - pictures) + np.array([0, 0.1, 0, 0])

        def gradients(self, pictures, classes, *, of="probability"):
            return -super().gradients(pictures, classes, of=of)

    return Ink(weights, power=1)


def test_an_explanation_holds_map_table_and_sentence_on_the_picture_as_it_came(answer, mi_pages):
    one = explained.explain_picture(answer, mi_pages[0].picture, method="integrated_gradients", label="mi")
    assert one.heat.shape == one.picture.shape[:2] == mi_pages[0].picture.shape[:2]
    table = one.table.set_index("region")
    assert list(table.index) == [*leads.REGIONS, *phases.PHASES]
    assert table.loc["V2", "share"] > 0.95
    assert table.loc[list(leads.REGIONS), "share"].sum() == pytest.approx(1)
    assert "lies mostly on V2" in one.sentence
    assert one.heat[mi_pages[0].layout.leads["V2"].pixels(*one.heat.shape)].sum() > 0.9 * one.heat.sum()


def test_a_whole_page_is_cut_to_the_region_that_the_model_reads(answer):
    page = draw.synthetic_page(0, seed=5, label="mi", size="page")
    one = explained.explain_picture(answer, page.picture, method="lead_occlusion", label="mi")
    assert one.heat.shape == one.picture.shape[:2] == (1235, 2109)
    assert one.table.set_index("region").loc["V2", "share"] > 0.5


def test_a_bad_picture_is_named_and_the_others_go_on(answer, mi_pages):
    noise = np.random.default_rng(0).integers(0, 255, (412, 703, 3), dtype=np.uint8)
    named = [("good", mi_pages[0].picture), ("noise", noise), ("small", noise[:50, :80]), ("also", mi_pages[1].picture)]
    found, failed = explained.explain_pictures(answer, named, method="occlusion")
    assert [one.name for one in found] == ["good", "also"]
    assert set(failed) == {"noise", "small"}
    assert "no known page" in failed["noise"]
    assert set(explained.shares_of(found)["page_id"]) == {"good", "also"}
    with pytest.raises(ValueError, match="no known page"):
        explained.explain_picture(answer, noise)


def test_a_picture_that_cannot_be_prepared_is_named_and_the_others_stay_together(mi_pages):
    noise = np.random.default_rng(0).integers(0, 255, (412, 703, 3), dtype=np.uint8)
    named = [("a", mi_pages[0].picture), ("noise", noise), ("b", mi_pages[1].picture)]
    names, pictures, behind, failed = backdrop.prepare_named(named, height=64, width=112)
    assert names == ["a", "b"] and set(failed) == {"noise"}
    whole, whole_behind = backdrop.prepare([mi_pages[0].picture, mi_pages[1].picture], height=64, width=112)
    np.testing.assert_array_equal(pictures, whole)
    np.testing.assert_array_equal(behind.paper, whole_behind.paper)
    none = backdrop.prepare_named([("noise", noise)], height=64, width=112)
    assert none[0] == [] and none[1].shape == (0, 64, 112, 3)


@pytest.fixture
def spoilt_pages(mi_pages):
    """Pages `good`, `torn` (its file is damaged), `noise` (no page) and `also`."""
    pictures = {"good": mi_pages[0].picture, "also": mi_pages[1].picture}
    pictures["noise"] = np.random.default_rng(0).integers(0, 255, (412, 703, 3), dtype=np.uint8)

    def read(path):
        if path == "torn":
            raise OSError("truncated file")
        return pictures[path]

    names = ["good", "torn", "noise", "also"]
    facts = {"label": "mi", "selected": True, "group": names, "layout": "3x4", "width": 703, "height": 412}
    return Pages(pd.DataFrame({"path": names, "page_id": names, **facts}), "grid", read)


def test_a_damaged_page_of_a_study_is_named_and_the_others_go_on(answer, spoilt_pages):
    names = list(spoilt_pages.manifest.page_id)
    found, failed = explained.explain_pages(answer, spoilt_pages, names, method="edge")
    assert [one.name for one in found] == ["good", "also"]
    assert set(failed) == {"torn", "noise"} and failed["torn"] == "truncated file"
    kept, pictures, behind, left_out = cases.case_pictures(spoilt_pages, names, Image(height=64, width=112))
    assert kept == ["good", "also"] and set(left_out) == {"torn", "noise"}
    assert len(pictures) == len(behind.layouts) == 2


def test_a_shown_network_goes_on_without_a_bad_page_and_names_it(answer, spoilt_pages):
    class Broken(SquareAnswer):
        def tap(self, pictures, classes):
            activations, slopes = super().tap(pictures, classes)
            return np.where(classes[:, None, None, None] == 1, np.nan, activations), slopes

    Broken.cell = 8
    chosen = pd.DataFrame({"page_id": spoilt_pages.manifest.page_id, "answer": ["mi", "mi", "mi", "abnormal"]})
    study = Study.load({"name": "t", "models": ["baseline_cnn"], "image": {"height": 64, "width": 112}})
    with pytest.warns(UserWarning, match="left out: page (torn: truncated file|noise: no known page)"):
        shown = networks._shown_pages(study, spoilt_pages, chosen)
    network = networks.ShownNetwork(None, Broken(answer.weights), None, **shown)
    assert list(network.cases.page_id) == ["good", "also"] and set(network.left_out) == {"torn", "noise"}
    with pytest.warns(UserWarning, match="page also: the map of gradcam is not finite and left empty"):
        heats = network.maps()
    assert np.isfinite(heats).all() and heats[0].max() > 0 == np.abs(heats[1]).max()


def test_a_map_that_is_not_a_number_is_left_out_by_name(answer, mi_pages):
    answer.weights[40, 60] = np.nan
    found, failed = explained.explain_pictures(answer, [("one", mi_pages[0].picture)], method="occlusion")
    assert not found
    assert failed["one"].startswith("the map of occlusion is not finite")


def test_models_that_look_elsewhere_are_heard(answer, mi_pages):
    other = SquareAnswer(np.random.default_rng(0).normal(size=answer.weights.shape))
    text = explained.explain_picture(
        answer, mi_pages[0].picture, method="occlusion", label="mi", others=[other]
    ).sentence
    assert "disagree about the places" in text
    text = explained.explain_picture(
        answer, mi_pages[0].picture, method="occlusion", label="mi", others=[answer]
    ).sentence
    assert "agree about the places (rank correlation 1.00)" in text


def test_a_backdrop_is_found_on_pages_of_any_scale(mi_pages):
    """The same page whole, as a waveform area and packed: the same leads, and no ink on its paper."""
    for size in ("page", "grid", "packed"):
        page = draw.synthetic_page(0, seed=5, label="mi", size=size)
        pictures, behind = backdrop.prepare([page.picture], height=64, width=112)
        inside = behind.layouts[0].frame.pixels(64, 112)
        ink, left = (1 - part[inside].max(axis=-1) / 255 for part in (pictures[0], behind.paper[0]))  # red is no ink
        assert left.max() < 0.15 < 0.3 < ink.max()
    with pytest.raises(ValueError, match="picture 0: no known page"):
        backdrop.prepare([np.full((412, 703, 3), 255, np.uint8)], height=64, width=112)


@pytest.mark.parametrize("layout", ["3x4", "6x2plain", "6x2grid"])
def test_real_pages_of_every_layout_have_leads_and_empty_paper(layout):
    pages = shipped.load_pages("complete")
    known = pages.distinct[pages.distinct["layout"] == layout]["page_id"]
    names = np.random.default_rng(0).choice(known.to_numpy(), 5, replace=False)
    pictures, behind = backdrop.prepare([pages.picture(name) for name in names], height=128, width=224)
    assert all(len(one.leads) == 12 for one in behind.layouts)
    ink, left = (1 - part.max(axis=-1) / 255 for part in (pictures, behind.paper))
    assert left.max() < 0.15 < 0.5 < ink.max(axis=(1, 2)).min()
