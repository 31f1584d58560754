"""The tests of maps, tested: on models whose reasons were planted, a right map must pass and a blind one must not."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.explanation import agreement, backdrop, faithfulness, heads, leads, maps, planted, removal, trials, truth
from ecgstudy.pages import draw
from ecgstudy.vocabulary import CLASSES

from .conftest import SquareAnswer

HEIGHT, WIDTH = 64, 112


def pages_with_labels(count, *, seed, shortcut):
    pages = [
        draw.synthetic_page(number, seed=seed, label=CLASSES[number % 4], shortcut=shortcut) for number in range(count)
    ]
    pictures, behind = backdrop.prepare([page.picture for page in pages], height=HEIGHT, width=WIDTH)
    return pages, pictures, behind, np.arange(count) % 4


@pytest.fixture(scope="module")
def marked():
    """Pages with a mark that tells the class, and a model that was trained on them."""
    pages, pictures, behind, labels = pages_with_labels(48, seed=3, shortcut=True)
    return planted.fit_linear(pictures, labels), pages, pictures, behind, labels


@pytest.fixture
def reads_one_lead(prepared):
    """p = ink in V2, from 0 to 1; and a map that says so."""
    pictures, behind = prepared
    weights = np.zeros((HEIGHT, WIDTH, 3, 4))
    part = behind.layouts[0].leads["V2"].pixels(HEIGHT, WIDTH)
    weights[part] = 1.0 / weights[part][..., 0].size
    maps_ = np.zeros((len(pictures), HEIGHT, WIDTH))
    maps_[:, part[0], part[1]] = 1

    class Ink(SquareAnswer):
        def probabilities(self, pictures):
            return super().probabilities(255 - pictures)

    return Ink(weights, power=1), maps_


def test_the_deletion_curve_of_a_linear_model_by_hand():
    """p = sum of four pixels' ink; the map ranks them 4, 3, 2, 1."""
    picture = np.full((1, 2, 2, 3), 255.0)
    weights = np.zeros((2, 2, 3, 4))
    weights[..., 0, 0] = [[0.4, 0.3], [0.2, 0.1]]
    curve = removal.deletion_curves(
        SquareAnswer(weights, power=1),
        picture,
        np.array([0]),
        np.array([[[4, 3], [2, 1]]]),
        picture * 0,
        steps=4,
        seed=0,
    )
    np.testing.assert_allclose(curve, [[1, 0.6, 0.3, 0.1, 0]])
    assert removal.curve_areas(curve) == pytest.approx((0.5 + 0.6 + 0.3 + 0.1) / 4)


def test_insertion_is_deletion_the_other_way_round(weights, pictures):
    answer, heat = SquareAnswer(weights, power=1), np.random.default_rng(0).uniform(size=(3, 24, 42))
    which, paper = np.array([0, 1, 2]), pictures * 0
    deleted = removal.deletion_curves(answer, pictures, which, heat, paper, seed=0)
    inserted = removal.insertion_curves(answer, pictures, which, -heat, paper, seed=0)
    np.testing.assert_allclose(deleted[:, [0, -1]], inserted[:, [-1, 0]], atol=1e-6)
    np.testing.assert_allclose(deleted[:, 5], inserted[:, 5], atol=1e-4)  # half of the pixels


def test_imputation_goes_on_with_a_slope_and_leaves_the_rest_alone():
    columns = np.linspace(20, 230, 60)
    picture = np.broadcast_to(columns[None, :, None], (40, 60, 3)).astype(np.float32)
    mask = np.zeros((40, 60), dtype=bool)
    mask[10:30, 20:45] = True
    filled = removal.imputed(np.where(mask[..., None], 0, picture), mask, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(filled[~mask], picture[~mask])
    assert np.abs(filled - picture)[mask].mean() < 8  # the noise alone has a mean of 2


def test_road_is_high_for_a_right_map_opposite_for_its_opposite_and_zero_for_a_blind_one(reads_one_lead, prepared):
    answer, right = reads_one_lead
    pictures, which = prepared[0], np.zeros(4, dtype=int)
    right = right * (255 - pictures.min(axis=3))  # its ink: paper that gives way to paper changes nothing
    good = removal.road(answer, pictures, which, right, seed=0)
    bad = removal.road(answer, pictures, which, -right, seed=0)
    clouds = [maps.controls.random_map(pictures, seed=seed) for seed in range(12)]
    blind = [removal.road(answer, pictures, which, heat, seed=0).mean() for heat in clouds]
    assert (good > 0.005).all()
    np.testing.assert_allclose(good, -bad, atol=0.01)
    assert abs(np.mean(blind)) < good.mean() / 4


def test_removing_the_lead_that_decides_costs_more_than_the_same_area_elsewhere(reads_one_lead, prepared):
    answer, right = reads_one_lead
    pictures, behind = prepared
    which = np.zeros(4, dtype=int)
    drops = removal.lead_drops(answer, pictures, which, behind)
    assert (np.nanargmax(drops, axis=1) == leads.REGIONS.index("V2")).all()
    random = removal.random_drops(answer, pictures, which, behind, seed=0)
    gains = removal.lead_removal(right, behind, drops, random)
    np.testing.assert_allclose(gains, drops[:, leads.REGIONS.index("V2")] - random[:, 0])
    assert (gains > 0).all()
    assert np.isnan(removal.lead_removal(-right, behind, drops, random)).all()  # points at nothing


def test_rank_correlation_of_equal_opposite_even_and_unrelated_maps():
    rng = np.random.default_rng(0)
    one = rng.uniform(size=(5, 64, 112))
    np.testing.assert_allclose(agreement.rank_correlations(one, one**1), 1)
    np.testing.assert_allclose(agreement.rank_correlations(one, -one), -1)
    assert np.isnan(agreement.rank_correlations(one, one * 0)).all()
    assert np.abs(agreement.rank_correlations(one, rng.uniform(size=one.shape))).max() < 0.3
    broken = one.copy()
    broken[2, 0, 0] = np.nan
    assert np.isnan(agreement.rank_correlations(one, broken)).tolist() == [False, False, True, False, False]


def test_a_model_that_learned_the_planted_mark_is_caught_by_its_maps(marked):
    """And the controls are not: they put no more there than its share of the page."""
    answer, pages, pictures, behind, labels = marked
    masks = [truth.box_mask(page.mark, HEIGHT, WIDTH) for page in pages]
    assert (answer.probabilities(pictures).argmax(axis=1) == labels).mean() > 0.9
    share = {}
    for method in ("integrated_gradients", "occlusion", *maps.CONTROLS):
        settings = {"baseline": "mean"} if method == "integrated_gradients" else {}
        heat = maps.explain(
            answer, pictures[:12], labels[:12], method=method, backdrop=behind.rows(range(12)), **settings
        )
        share[method] = np.nanmean([truth.mass_inside(*pair) for pair in zip(heat, masks, strict=False)])
    area = np.mean(masks)
    assert share["integrated_gradients"] > 10 * area
    assert max(share[name] for name in maps.CONTROLS) < 0.5 * share["integrated_gradients"]


def test_a_white_baseline_is_blind_to_what_is_missing_and_a_mean_page_is_not(marked):
    """The mark of `mi` is one square of four: what tells it is the paper where others have ink."""
    answer, pages, pictures, _, labels = marked
    mask = truth.box_mask(pages[0].mark, HEIGHT, WIDTH)
    share = {
        baseline: truth.mass_inside(
            maps.explain(answer, pictures[:8], labels[:8], method="integrated_gradients", baseline=baseline)[0], mask
        )
        for baseline in ("white", "mean")
    }
    assert share["white"] < 0.01 < 0.15 < share["mean"]


def test_faithfulness_of_a_right_method_beats_every_control(marked):
    """On a linear model integrated gradients are the exact answer, so they must follow the model.

    ROAD alone does not see it: what it fills in has no ink, so a map that knows where ink is does as well.
    """
    answer, pages, pictures, behind, labels = marked
    few = np.arange(8)
    trial = trials.Trial(
        pictures[few], labels[few], behind.rows(few), groups=few.astype(str),
        marks=[truth.box_mask(pages[k].mark, HEIGHT, WIDTH) for k in few],
    )  # fmt: skip
    untrained = planted.LinearAnswer(
        np.random.default_rng(0).permutation(answer.weights.ravel()).reshape(answer.weights.shape), answer.bias
    )
    scores = faithfulness.page_scores(
        answer, trial, methods=["integrated_gradients", "occlusion"], others={"randomisation": [untrained]}, seed=0
    )
    table = faithfulness.faithfulness(scores, trial.groups, model="linear", resamples=500, seed=0)
    assert tuple(table.columns) == faithfulness.COLUMNS
    assert set(table["method"]) == {"integrated_gradients", "occlusion", *maps.CONTROLS}
    value = table.set_index(["method", "test"])["value"]
    assert all(value[name, "randomisation"] > 0.999 for name in maps.CONTROLS)  # they can't know of any weights
    assert value["integrated_gradients", "randomisation"] < 0.5
    for test in ("deletion", "insertion", "lead_removal", "shortcut"):
        assert value["integrated_gradients", f"{test}_gain"] > 0
    words = faithfulness.verdicts(table).set_index("method")
    assert words.loc["integrated_gradients", "verdict"] == "follows the model"
    assert "deletion by" in words.loc["integrated_gradients", "reasons"]


def verdict_of(**values):
    rows = [("gradcam", "m", test, value, value - 0.05, value + 0.05) for test, value in values.items()]
    return faithfulness.verdicts(pd.DataFrame(rows, columns=list(faithfulness.COLUMNS))).iloc[0]


def test_verdicts_in_words():
    assert verdict_of(randomisation=0.9, deletion_gain=0.2)["verdict"] == "shows the page rather than the model"
    assert verdict_of(randomisation=0.1, stability=0.2, deletion_gain=0.2)["verdict"].startswith("changes with noise")
    blind = verdict_of(randomisation=0.1, stability=0.9, deletion_gain=0.01, insertion_gain=0.2)
    assert blind["verdict"] == "no better than a map that knows nothing of the model"
    good = verdict_of(randomisation=0.1, stability=0.9, deletion_gain=0.2, agreement_folds=0.41)
    assert good["verdict"] == "follows the model"
    assert good["reasons"] == (
        "passes randomisation 0.10, stability 0.90, deletion by 0.20 [0.15, 0.25]; beside that agreement folds 0.41"
    )


def test_a_method_that_no_untrained_network_draws_a_map_for_is_not_shown_to_follow_the_model():
    won = {"stability": 0.9, "deletion_gain": 0.2}
    silent = verdict_of(randomisation=np.nan, **won)
    assert silent["verdict"] == verdict_of(**won)["verdict"] == "not shown to follow the model"
    assert "leaves open randomisation" in silent["reasons"]
    assert verdict_of(randomisation=np.nan, random_head=0.1, **won)["verdict"] == "follows the model"
    page = verdict_of(randomisation=np.nan, random_head=0.9, **won)["verdict"]
    assert page == "shows the page rather than the model"
    assert verdict_of(randomisation=0.1, deletion_gain=np.nan)["verdict"].startswith("no better")
    assert verdict_of(shortcut_gain=0.2, outside=0.4)["verdict"] == "asked about the planted mark alone"


def test_comparisons_that_a_method_cannot_have_stay_open(marked):
    """A head alone has no pixel gradients, so there is no map of it to compare integrated gradients with."""
    answer, _, pictures, behind, labels = marked
    trial = trials.Trial(pictures[:2], labels[:2], behind.rows([0, 1]), groups=np.array(["a", "b"]))
    scores = faithfulness.page_scores(
        answer, trial, methods=["integrated_gradients"], others={"random_head": [object()]}, tests=["random_head"],
        seed=0,
    )  # fmt: skip
    assert scores[scores.method == "integrated_gradients"].score.isna().all()
    assert scores[scores.method == "edge"].score.to_numpy() == pytest.approx(1)


def test_a_head_trained_on_a_network_answers_and_its_gradcam_is_where_its_evidence_is():
    """The tap is mean brightness; bright pages are class 1, so the bright corner speaks for class 1."""
    answer = SquareAnswer(np.zeros((24, 42, 3, 4)))
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 60, size=(40, 24, 42, 3)).astype(np.float32)
    labels = np.arange(40) % 2
    pictures[labels == 1, :6, :6] += 190
    head = heads.fit_head(answer, pictures, labels)
    assert (head.probabilities(pictures).argmax(axis=1) == labels).all()
    heat = maps.explain(head, pictures[1:2], [1], method="gradcam", offset=(0.0, 0.0))[0]
    assert np.unravel_index(heat.argmax(), heat.shape)[0] < 6
    assert np.unravel_index(heat.argmax(), heat.shape)[1] < 6
    assert heads.random_head(answer, seed=0).probabilities(pictures).sum(axis=1) == pytest.approx(1)


def test_a_shuffled_network_answers_differently_and_the_trained_one_is_left_as_it_was(weights, pictures):
    class Model:
        def __init__(self):
            self.arrays = [weights]

        def get_weights(self):
            return [array.copy() for array in self.arrays]

        def set_weights(self, arrays):
            self.arrays = arrays

    class WithModel(SquareAnswer):
        def __init__(self):
            super().__init__(weights)
            self.model = Model()

        def probabilities(self, pictures):
            self.weights = self.model.arrays[0]
            return super().probabilities(pictures)

    answer = WithModel()
    before = answer.probabilities(pictures)
    shuffled = heads.shuffled(answer, seed=0)
    assert np.abs(shuffled.probabilities(pictures) - before).max() > 1
    np.testing.assert_array_equal(shuffled.probabilities(pictures), shuffled.probabilities(pictures))
    np.testing.assert_array_equal(answer.probabilities(pictures), before)


def test_an_unknown_comparison_is_named(marked):
    answer, _, pictures, behind, labels = marked
    trial = trials.Trial(pictures[:1], labels[:1], behind.rows([0]), groups=np.array(["a"]))
    with pytest.raises(ValueError, match="unknown comparison 'randomization'; did you mean 'randomisation'"):
        faithfulness.page_scores(answer, trial, methods=["occlusion"], others={"randomization": []}, seed=0)


def test_drawn_trials_know_their_truth_and_their_marks():
    trial = trials.drawn_trial(4, height=HEIGHT, width=WIDTH, seed=0, labels=("mi", "normal"), shortcut=True)
    assert trial.pictures.shape == (4, HEIGHT, WIDTH, 3)
    assert trial.classes.tolist() == [0, 3, 0, 3]
    assert [mask.any() for mask in trial.truths] == [True, False, True, False]
    assert all(0 < mask.mean() < 0.01 for mask in trial.marks)
    some = trial.rows(trial.classes == 0)
    assert len(some.pictures) == len(some.truths) == len(some.walls) == len(some.backdrop.layouts) == 2
    assert all((wall | ~mask)[:48].all() for mask, wall in zip(some.truths, some.walls, strict=True))  # strip aside
    healthy = trials.drawn_trial(4, height=HEIGHT, width=WIDTH, seed=0, shortcut=True, healthy=True)
    assert healthy.classes.tolist() == [0, 1, 2, 3]
    assert not np.any(healthy.truths) and not np.any(healthy.walls) and all(mask.any() for mask in healthy.marks)


def test_a_mark_in_the_footer_is_found_outside_of_the_waveform():
    """A model that read the planted footer of whole pages is caught by the mass outside of the leads."""
    trial = trials.drawn_trial(40, height=HEIGHT, width=WIDTH, seed=3, shortcut=True, region="page")
    honest = trials.drawn_trial(40, height=HEIGHT, width=WIDTH, seed=3, region="page")
    answer = planted.fit_linear(trial.pictures, trial.classes)
    fair = planted.fit_linear(honest.pictures, honest.classes)
    is_normal = trial.classes == 3  # four squares: the most ink
    outside = {}
    for name, model, some in (("caught", answer, trial.rows(is_normal)), ("fair", fair, honest.rows(is_normal))):
        heat = maps.explain(
            model, some.pictures, some.classes, method="integrated_gradients", baseline="mean", backdrop=some.backdrop
        )
        outside[name] = np.mean(
            [leads.lead_shares(*p)["outside"] for p in zip(heat, some.backdrop.layouts, strict=True)]
        )
    assert outside["caught"] > 2 * outside["fair"]


def test_a_method_gains_nothing_by_a_test_that_is_the_method_itself():
    rows = [("lead_occlusion", "m", test, 0.2, 0.1, 0.3) for test in ("lead_removal_gain", "deletion_gain")]
    rows[1] = (*rows[1][:3], 0.0, -0.1, 0.1)
    words = faithfulness.verdicts(pd.DataFrame(rows, columns=list(faithfulness.COLUMNS))).iloc[0]
    assert words["verdict"].startswith("no better")
    assert "lead removal" not in words["reasons"]
