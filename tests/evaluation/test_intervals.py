import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from ecgstudy.evaluation import counts, intervals, probabilities, scoring
from ecgstudy.vocabulary import PROBABILITIES

# Distinct selected pages per group and class (mi, abnormal, history, normal), as the real set has them in shape:
# 491 pages, 30 of them MI, in about 310 groups, some of which hold several classes.
PAGES = (30, 233, 86, 142)


def real_shape(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels and groups of 491 pages: 311 numbers, 82 of them on more than one page, up to 13."""
    labels = chance.permutation(np.repeat(np.arange(4), PAGES))
    groups = np.concatenate([np.arange(311), chance.choice(82, size=180, p=_decreasing(82))])
    return labels, np.char.add("g", groups.astype(str))


def _decreasing(groups: int) -> np.ndarray:
    sizes = 1 / np.sqrt(1 + np.arange(groups))
    return sizes / sizes.sum()


def simulate_coverage(truth: np.ndarray, *, studies: int, resamples: int, within_group: float = 0.3) -> dict:
    """Share of simulated studies whose interval holds the true score, by score.

    Answers follow the rows of `truth`; pages of one group share a part `within_group` of their luck.
    """
    chance = np.random.default_rng(0)
    labels, groups = real_shape(chance)
    names, group = np.unique(groups, return_inverse=True)
    wanted = counts.count_scores(truth * np.array(PAGES)[:, None] / sum(PAGES))
    few = len(np.unique(groups[labels == 0]))
    held = {"accuracy": 0, "balanced_accuracy": 0, "macro_f1": 0, "recall_mi": 0}
    for study in range(studies):
        shared, own = chance.normal(size=len(names))[group], chance.normal(size=len(labels))
        luck = stats.norm.cdf(np.sqrt(within_group) * shared + np.sqrt(1 - within_group) * own)
        answers = np.eye(4)[(luck[:, None] > truth.cumsum(axis=1)[labels]).sum(axis=1).clip(0, 3)]
        per_group = np.zeros((len(names), 16))
        np.add.at(per_group, group, counts.cells(labels, answers))
        draw = intervals.draw_groups(groups, labels, resamples=resamples, seed=study)
        drawn = counts.count_scores((draw.times @ per_group).reshape(-1, 4, 4))
        for name in held:
            low, high = intervals.percentile(drawn[name], 0.95, len(names) if name == "accuracy" else few)
            held[name] += low <= wanted[name] <= high
    return {name: times / studies for name, times in held.items()}


MODEST = np.array([[0.7, 0.1, 0.15, 0.05], [0.05, 0.8, 0.05, 0.1], [0.15, 0.1, 0.55, 0.2], [0.02, 0.05, 0.13, 0.8]])
POOR = np.array([[0.35, 0.2, 0.25, 0.2], [0.1, 0.6, 0.1, 0.2], [0.15, 0.1, 0.45, 0.3], [0.1, 0.1, 0.2, 0.6]])
GOOD = np.array([[0.9, 0.02, 0.06, 0.02], [0.02, 0.9, 0.03, 0.05], [0.05, 0.02, 0.85, 0.08], [0.01, 0.02, 0.02, 0.95]])


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    held = simulate_coverage(MODEST, studies=150, resamples=500)
    assert all(share >= 0.90 for share in held.values()), held


@pytest.mark.slow
@pytest.mark.parametrize("truth", [POOR, MODEST, GOOD], ids=["poor", "modest", "good"])
def test_coverage_at_491_pages_with_30_mi_is_within_two_points_of_95(truth):
    held = simulate_coverage(truth, studies=2000, resamples=2000)
    print(held)
    assert all(0.93 <= share <= 0.985 for share in held.values()), held


def test_exact_and_wilson_intervals_are_those_of_statsmodels():
    for found, of in ((0, 7), (3, 7), (7, 7), (29, 30), (140, 603)):
        for method, function in (("beta", intervals.exact), ("wilson", intervals.wilson)):
            expected = proportion_confint(found, of, alpha=0.05, method=method)
            assert function(found, of, 0.95) == pytest.approx(expected, abs=1e-9)


def test_nothing_found_among_no_pages_has_no_interval():
    assert np.isnan(intervals.exact(0, 0, 0.95)).all()
    assert np.isnan(intervals.wilson(0, 0, 0.95)).all()


def test_a_group_belongs_to_its_rarest_class():
    labels = np.array([3, 3, 3, 3, 1, 1, 1, 0, 3])
    groups = np.array(["a", "a", "b", "b", "b", "c", "c", "c", "d"])
    names, classes = intervals.rarest_classes(groups, labels)
    assert dict(zip(names, classes, strict=True)) == {"a": 3, "b": 1, "c": 0, "d": 3}


def test_every_resample_draws_as_many_groups_of_each_stratum_as_there_are():
    labels, groups = real_shape(np.random.default_rng(0))
    draw = intervals.draw_groups(groups, labels, resamples=50, seed=1)
    names, strata = intervals.rarest_classes(groups, labels)
    assert list(draw.groups) == list(names)
    for stratum in range(4):
        assert (draw.times[:, strata == stratum].sum(axis=1) == (strata == stratum).sum()).all()


def test_the_draw_follows_from_its_seed_and_not_from_the_order_of_pages(tmp_path):
    labels, groups = real_shape(np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(len(labels))
    draw = intervals.draw_groups(groups, labels, resamples=20, seed=1)
    again = intervals.draw_groups(groups[order], labels[order], resamples=20, seed=1)
    other = intervals.draw_groups(groups, labels, resamples=20, seed=2)
    draw.save(tmp_path / "draw.npz")
    kept = intervals.Resamples.load(tmp_path / "draw.npz")
    assert (draw.times == again.times).all() and (draw.times != other.times).any()
    assert (kept.times == draw.times).all() and (kept.groups == draw.groups).all()


def test_pages_of_one_group_move_together():
    labels, groups = real_shape(np.random.default_rng(0))
    draw = intervals.draw_groups(groups, labels, resamples=10, seed=0)
    weights = draw.page_weights(groups)
    for name in np.unique(groups)[:20]:
        same = weights[:, groups == name]
        assert (same == same[:, :1]).all()


def test_the_bootstrap_of_equal_values_is_their_value():
    assert intervals.percentile(np.ones(10), 0.95, 30) == (1, 1)


def test_few_groups_widen_the_interval_and_one_group_has_none():
    values = np.random.default_rng(0).normal(size=10_000)
    few, many = (intervals.percentile(values, 0.95, groups) for groups in (10, 100_000))
    assert few[0] < many[0] == pytest.approx(-1.96, abs=0.05)
    assert np.isnan(intervals.percentile(values, 0.95, 1)).all()


def test_a_stranger_among_the_groups_is_named():
    draw = intervals.draw_groups(np.array(["a", "b"]), np.array([0, 1]), resamples=2, seed=0)
    with pytest.raises(ValueError, match="group 'z' is not among the 2"):
        draw.positions(np.array(["a", "z"]))
    with pytest.raises(ValueError, match="no pages"):
        intervals.draw_groups(np.array([]), np.array([], dtype=int), resamples=2, seed=0)


def test_an_area_near_one_keeps_its_interval_inside_and_leans_away_from_the_end():
    drawn = np.random.default_rng(0).normal(0.95, 0.02, size=5000)
    low, high = intervals.logit(0.95, drawn, 0.95, 1000)
    assert 0.95 - low > high - 0.95 and high < 1
    middle = intervals.logit(0.5, drawn - 0.45, 0.95, 100_000)
    assert middle == pytest.approx((0.5 - 0.0391, 0.5 + 0.0391), abs=0.001)
    assert np.isnan(intervals.logit(1.0, np.ones(10), 0.95, 30)).all()


@pytest.mark.slow
@pytest.mark.parametrize("distance", [0.6, 1.7, 2.8])
def test_areas_under_curves_are_covered_with_30_mi_of_491_pages(distance):
    """Two normal distributions of scores; the true areas come from 400,000 pages. AUROC 0.66, 0.88 and 0.98."""
    chance = np.random.default_rng(0)
    many = chance.random(400_000) < 30 / 491
    score = chance.normal(size=len(many)) + distance * many
    true = metrics.roc_auc_score(many, score), metrics.average_precision_score(many, score)
    is_mi, held = np.arange(491) < 30, np.zeros(2)
    for _ in range(400):
        score = chance.normal(size=491) + distance * is_mi
        weights = np.zeros((600, 491))
        weights[:, :30] = chance.multinomial(30, np.full(30, 1 / 30), 600)
        weights[:, 30:] = chance.multinomial(461, np.full(461, 1 / 461), 600)
        once = probabilities.ranking(is_mi, score, np.ones((1, 491)))
        for at, drawn in enumerate(probabilities.ranking(is_mi, score, weights)):
            low, high = intervals.logit(once[at][0], drawn, 0.95, 30)
            held[at] += low <= true[at] <= high
    print(distance, held / 400)
    assert (held / 400 >= 0.89).all(), held


def coverage_of_unseen(recall_mi: float, *, found: int | None, studies: int) -> tuple[float, float]:
    """Share of studies whose interval of balanced accuracy holds the truth, on pages as those left out: seven infarcts.

    Args:
        recall_mi: the truth.
        found: only studies that found so many of the seven are looked at; None takes all.
        studies: how many.

    Returns:
        With the interval as the tables give it, and with the plain bootstrap.
    """
    chance, pages = np.random.default_rng(0), np.array([7, 138, 22, 603])
    truth = np.array([recall_mi, 0.6, 0.3, 0.5])
    labels = np.repeat(np.arange(4), pages)
    names = [f"p{at}" for at in range(len(labels))]
    draw = intervals.draw_groups(np.array(names), labels, resamples=300, seed=0)
    held = np.zeros(2)
    for _ in range(studies):
        right = chance.random(len(labels)) < truth[labels]
        if found is not None:
            right[:7] = np.arange(7) < found
        answers = np.where(right, labels, (labels + chance.integers(1, 4, len(labels))) % 4)
        units = pd.DataFrame(np.eye(4)[answers], columns=list(PROBABILITIES))
        scored = scoring.score_units(units.assign(label=labels, group=names, page_id=names, share=1.0), draw)
        ours = scoring.interval("balanced_accuracy", scored, 0.95, even=False)
        plain = intervals.percentile(scored.drawn["balanced_accuracy"], 0.95, 7)
        held += [low <= truth.mean() <= high for low, high in (ours, plain)]
    return tuple(held / studies)


@pytest.mark.parametrize(("recall_mi", "found"), [(0.65, 7), (0.35, 0)])
def test_a_class_of_seven_found_always_or_never_does_not_make_a_mean_look_sure(recall_mi, found):
    """Seven of seven is what a recall of 0.65 gives in one study of twenty; the interval of the mean allows for it."""
    ours, plain = coverage_of_unseen(recall_mi, found=found, studies=100)
    assert ours >= 0.9 and plain <= 0.6, (ours, plain)


@pytest.mark.parametrize("recall_mi", [0.9, 0.5])
def test_means_over_classes_are_covered_on_pages_with_seven_infarcts(recall_mi):
    ours, _ = coverage_of_unseen(recall_mi, found=None, studies=100)
    assert ours >= 0.93, ours


def test_chance_is_drawn_in_a_class_found_always_and_in_no_other():
    """Seven of seven: the recall's own draws end where Clopper and Pearson's interval does."""
    labels = np.repeat(np.arange(4), [7, 40, 40, 40])
    names = np.array([f"p{at}" for at in range(len(labels))])
    answers = np.where(np.arange(len(labels)) % 3 == 0, (labels + 1) % 4, labels)
    answers[:7] = 0
    units = pd.DataFrame(np.eye(4)[answers], columns=list(PROBABILITIES))
    draw = intervals.draw_groups(names, labels, resamples=20_000, seed=0)
    scored = scoring.score_units(units.assign(label=labels, group=names, page_id=names, share=1.0), draw)
    assert np.ptp(scored.drawn["recall_mi"]) == 0
    assert np.quantile(scored.unsure["recall_mi"], 0.025) == pytest.approx(intervals.exact(7, 7, 0.95)[0], abs=0.02)
    assert np.array_equal(scored.unsure["recall_normal"], scored.drawn["recall_normal"])
    few = units.assign(label=labels, group=names, page_id=names, share=1.0).iloc[7:]
    assert scoring.score_units(few[few["label"] > 0], draw).unsure == {}  # a class without pages is not "never found"
