"""The tests of maps, tested: on models whose reasons were planted, a right map must pass and a blind one must not."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.explanation import backdrop, faithfulness, maps, planted, trials, truth
from ecgstudy.pages import draw
from ecgstudy.vocabulary import CLASSES

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


def test_a_model_that_learned_the_planted_mark_is_caught_by_its_maps(marked):
    """And the controls are not: they put no more there than its share of the page."""
    answer, pages, pictures, behind, labels = marked
    masks = [truth.box_mask(page.mark, HEIGHT, WIDTH) for page in pages]
    assert (answer.probabilities(pictures).argmax(axis=1) == labels).mean() > 0.9
    share = {}
    for method in ("integrated_gradients", "occlusion", *maps.CONTROLS):
        settings = {"baseline": pictures[:12].mean(axis=0)} if method == "integrated_gradients" else {}
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
    asked = pictures[:8]
    white, mean = (
        maps.explain(answer, asked, labels[:8], method="integrated_gradients", baseline=baseline)[0]
        for baseline in ("white", asked.mean(axis=0))
    )
    assert truth.mass_inside(white, mask) < 0.01 < 0.15 < truth.mass_inside(mean, mask)


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


def test_an_unknown_comparison_is_named(marked):
    answer, _, pictures, behind, labels = marked
    trial = trials.Trial(pictures[:1], labels[:1], behind.rows([0]), groups=np.array(["a"]))
    with pytest.raises(ValueError, match="unknown comparison 'randomization'; did you mean 'randomisation'"):
        faithfulness.page_scores(answer, trial, methods=["occlusion"], others={"randomization": []}, seed=0)


def test_a_method_gains_nothing_by_a_test_that_is_the_method_itself():
    rows = [("lead_occlusion", "m", test, 0.2, 0.1, 0.3) for test in ("lead_removal_gain", "deletion_gain")]
    rows[1] = (*rows[1][:3], 0.0, -0.1, 0.1)
    words = faithfulness.verdicts(pd.DataFrame(rows, columns=list(faithfulness.COLUMNS))).iloc[0]
    assert words["verdict"].startswith("no better")
    assert "lead removal" not in words["reasons"]
