"""Planted truth and planted footers find out which methods can be trusted; leads that decide are named."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.explanation import deciding, faithfulness, trust
from ecgstudy.explanation.trials import Trial
from ecgstudy.vocabulary import LEADS

HEIGHT, WIDTH, CELL = 64, 112, 8


class InkByPlace:
    """A network whose last map has one channel for each place, the ink there, and below the waveform much of it."""

    input_shape = (HEIGHT, WIDTH)

    def tap(self, pictures, classes):
        ink = 1 - pictures.mean(axis=3) / 255
        cells = ink.reshape(len(pictures), HEIGHT // CELL, CELL, WIDTH // CELL, CELL).mean(axis=(2, 4))
        cells[:, -1] *= 30
        places = np.eye(cells[0].size).reshape(*cells.shape[1:], -1)
        activations = cells[..., None] * places
        return activations, np.ones_like(activations)


@pytest.fixture(scope="module")
def drawn():
    return trust.drawn_pages(48, height=HEIGHT, width=WIDTH, seed=0)


@pytest.fixture(scope="module")
def planted(drawn):
    methods = ["gradcam", "lead_occlusion", "smoothgrad"]
    return trust.drawn_scores(InkByPlace(), drawn, methods=methods, settings={}, seed=0)


def test_a_map_of_a_model_that_reads_a_planted_footer_lies_on_it_as_far_as_its_cells_allow(planted):
    scores, groups = planted
    table = faithfulness.faithfulness(scores, groups, model="m", resamples=500, seed=0)
    value = table.set_index(["method", "test"]).value
    assert value["gradcam", "shortcut"] > 2 * value["random", "shortcut"]
    blind = table[table.method == "lead_occlusion"].set_index("test")
    assert blind.loc["outside", "value"] == 0  # it hides leads alone, so it can't see a footer


def test_only_pages_that_are_answered_right_count_and_pages_of_the_two_kinds_stay_apart(planted, drawn):
    scores, groups = planted
    assert set(scores.test) == {"pointing", "mass", "agreement_halves", "shortcut", "outside"}
    assert scores.page.max() < len(groups) <= len(drawn.diseased.groups) + len(drawn.marked.groups)
    of_marks = scores[scores.test == "shortcut"].page.unique()
    assert all(groups[page].startswith("marked") for page in of_marks)
    assert not any(groups[page].startswith("marked") for page in scores[scores.test == "mass"].page.unique())


def test_methods_that_a_new_head_cannot_serve_are_left_out(planted):
    scores, _ = planted
    controls = {"random", "blur", "edge"}
    assert set(scores[scores.test == "mass"].method) == {"gradcam", "lead_occlusion", *controls}
    of_marks = set(scores[scores.test == "outside"].method)  # fine methods are asked too, where they can be served
    assert of_marks == {"gradcam", "lead_occlusion", "occlusion", *controls}


def test_planted_cases_show_infarctions_their_truth_and_their_wall(drawn):
    cases = trust.planted_cases(InkByPlace(), drawn, count=3)
    assert cases.pictures.shape == (3, HEIGHT, WIDTH, 3) and cases.maps.shape == (3, HEIGHT, WIDTH)
    assert all(truth.any() and wall.sum() > truth.sum() for truth, wall in zip(cases.truths, cases.walls, strict=True))
    assert all("of the map in the truth (area " in title for title in cases.titles)


def test_real_and_drawn_pages_make_one_table(drawn):
    class Whole(InkByPlace):
        def probabilities(self, pictures):
            ink = 1 - pictures.mean(axis=(1, 2, 3)) / 255
            return np.stack([ink, 1 - ink, 0 * ink, 0 * ink], axis=1)

    trial = Trial(drawn.diseased.pictures[:3], np.zeros(3, int), drawn.diseased.backdrop.rows(range(3)), np.arange(3))
    table = trust.network_trust(
        Whole(), trial, drawn, model="m", others={"randomisation": [Whole()]}, methods=["gradcam"], settings={},
        resamples=100, seed=0,
    )  # fmt: skip
    assert list(table.columns) == list(faithfulness.COLUMNS)
    tests = set(table[table.method == "gradcam"].test)
    assert {"deletion", "road", "stability", "randomisation", "pointing", "outside"} <= tests
    assert not table.duplicated(["method", "test"]).any()
    assert table[(table.method == "gradcam") & (table.test == "randomisation")].value.item() == pytest.approx(1)


def test_an_unknown_test_is_named(drawn):
    trial = drawn.diseased.rows(np.arange(1))
    with pytest.raises(ValueError, match="unknown test 'deletoin'; did you mean 'deletion'"):
        faithfulness.page_scores(InkByPlace(), trial, methods=["gradcam"], tests=["deletoin"], seed=0)


def test_only_the_lead_that_a_model_reads_costs_anything_when_it_is_mixed_up():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.uniform(0, 1, (40, 14)), columns=["rate", *(f"{lead}_st_j_mv" for lead in LEADS), "V2_t_mv"]
    )

    def answer(rows):
        p = rows["V2_t_mv"].to_numpy()
        return np.stack([p, 1 - p, 0 * p, 0 * p], axis=1)

    asked = (table["V2_t_mv"] > 0.5).to_numpy()
    falls = pd.DataFrame(dict(deciding._falls(answer, table, asked, "mi", rng, 5)))
    assert falls["V2"].mean() > 0.1
    assert falls.drop(columns="V2").abs().to_numpy().max() < 1e-12
    drops = falls.assign(group=np.arange(len(falls)).astype(str))
    shares = deciding.measured_leads(drops, resamples=200, level=0.95, seed=0).set_index("lead")
    assert shares.loc["V2", "share"] == pytest.approx(1)
    assert shares.loc["V2", "low"] < 1 < shares.loc["V2", "high"]


def test_a_network_that_reads_one_lead_has_its_maps_there(drawn):
    class ReadsV2:
        input_shape = (HEIGHT, WIDTH)
        part = drawn.diseased.backdrop.layouts[0].leads["V2"].pixels(HEIGHT, WIDTH)

        def probabilities(self, pictures):
            p = 1 - pictures[:, *self.part].mean(axis=(1, 2, 3)) / 255
            return np.stack([p, 1 - p, 0 * p, 0 * p], axis=1)

    some = drawn.diseased.rows(np.arange(4))
    options = {"resamples": 200, "level": 0.95, "seed": 0}
    table = deciding.network_leads(
        ReadsV2(), some.pictures, some.backdrop, list(some.groups), model="m", methods=["lead_occlusion"], **options
    )
    assert table.set_index("lead").share["V2"] > 0.99
    own = pd.DataFrame({"model": "a", "protocol": "grouped", "page_id": ["p", "q"], **dict.fromkeys(LEADS, 1 / 12)})
    manifest = pd.DataFrame({"page_id": ["p", "q"], "label": "mi", "group": ["g", "h"]})
    even = deciding.attention_leads(own, manifest, **options)
    assert even.share.to_numpy() == pytest.approx(np.full(12, 1 / 12))
    both = pd.concat([table, table.assign(model="b"), even.assign(share=np.arange(12.0))])
    alike = deciding.agreement_of_leads(both)
    assert alike.loc["m, Occlusion by lead", "b, Occlusion by lead"] == pytest.approx(1)
