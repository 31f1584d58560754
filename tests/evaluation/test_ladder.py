import numpy as np
import pandas as pd
import pytest

from ecgstudy.evaluation import ladder, metrics, outcomes, pooling, scoring
from ecgstudy.vocabulary import CLASSES, LADDER_COLUMNS, PROBABILITIES, PROTOCOL_TITLES

FEW = {"resamples": 300, "seed": 0}


@pytest.fixture(scope="module")
def table(predictions, manifest):
    return ladder.ladder(predictions, manifest, **FEW)


def pick(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table


def test_every_model_and_rung_is_there_with_its_interval(table):
    assert tuple(table.columns) == LADDER_COLUMNS
    for protocol in PROTOCOL_TITLES:
        rows = pick(table, protocol=protocol, stratum="all", metric="balanced_accuracy", weighting="selected")
        assert set(rows["model"]) == {"good", "weak"}
        assert (rows["low"] < rows["value"]).all() and (rows["value"] < rows["high"]).all()
        assert (rows["seeds"] == 2).all()


def test_plain_counts_files_and_selected_counts_distinct_pages(table, manifest):
    rows = pick(table, protocol="as_published", stratum="all", metric="accuracy", model="good")
    counted = rows.set_index("weighting")["pages"]
    selected = manifest[manifest["selected"]]
    assert counted.to_dict() == {"plain": len(selected), "selected": selected["page_id"].nunique()}


def test_where_every_selected_page_counts_once_the_two_weightings_agree(table):
    rows = pick(table, protocol="grouped", stratum="all", model="good")
    rows = rows.pivot_table(index="metric", columns="weighting", values="value")
    np.testing.assert_allclose(rows["plain"], rows["selected"], atol=1e-12)


def test_reweighted_accuracy_is_the_mean_of_recalls_by_the_selected_frequencies(table, manifest):
    rows = pick(table, protocol="unseen", stratum="all", model="weak", weighting="selected")
    value = rows.set_index("metric")["value"]
    recalls = [value[f"recall_{name}"] for name in CLASSES]
    assert value["accuracy"] == pytest.approx(pooling.selected_frequencies(manifest) @ recalls)


def test_files_with_a_copy_in_training_score_higher_and_abnormal_has_none(table):
    rows = pick(table, protocol="as_published", model="weak", weighting="plain")
    recall = rows[rows["metric"] == "recall_normal"].set_index("stratum")["value"]
    assert recall["with_copy"] > recall["without_copy"] + 0.1
    with_copy = set(pick(rows, stratum="with_copy")["metric"])
    assert "recall_abnormal" not in with_copy and "balanced_accuracy" not in with_copy
    assert "recall_mi" in with_copy


def test_unseen_pages_in_other_layouts_stand_apart(table, manifest):
    rows = pick(table, protocol="unseen", model="good", metric="accuracy", weighting="plain").set_index("stratum")
    alike = (~manifest["selected"]) & (manifest["layout"] == "3x4")
    assert rows.loc["all", "pages"] == alike.sum()
    assert rows.loc["6x2plain", "pages"] == (~manifest["selected"]).sum() - alike.sum()


def test_scores_are_those_of_probabilities_averaged_over_folds_then_seeds(predictions, manifest, table):
    mine = predictions[(predictions["model"] == "weak") & (predictions["part"] == "unseen")]
    mean = mine.groupby(["page_id", "seed"])[list(PROBABILITIES)].mean().groupby("page_id").mean()
    facts = pooling.page_facts(manifest).loc[mean.index]
    alike = (facts["layout"] == "3x4").to_numpy()
    expected = metrics.score("macro_f1", facts["label"].to_numpy()[alike], mean.to_numpy()[alike])
    row = pick(table, model="weak", protocol="unseen", stratum="all", weighting="plain", metric="macro_f1")
    assert row["value"].item() == pytest.approx(float(expected))


def test_the_order_of_rows_does_not_matter(predictions, manifest, table):
    shuffled = predictions.sample(frac=1, random_state=1)
    again = ladder.ladder(shuffled, manifest.sample(frac=1, random_state=2), **FEW)
    keys = list(LADDER_COLUMNS[:7])
    left, right = (each.sort_values(keys).reset_index(drop=True) for each in (table, again))
    pd.testing.assert_frame_equal(left, right)


def test_rows_of_variants_and_damage_do_not_enter(predictions, manifest, table, simulate_runs):
    others = pd.concat(
        [
            predictions,
            simulate_runs(manifest, "good", 0.0, variant="permuted_labels"),
            simulate_runs(manifest, "good", 0.0, condition="blur-3"),
        ],
        ignore_index=True,
    )
    pd.testing.assert_frame_equal(ladder.ladder(others, manifest, **FEW), table)


def test_a_perfect_score_still_has_an_interval(manifest, simulate_runs):
    """A bootstrap of all-right answers never leaves 1; 16 MI pages in 8 groups say less than that."""
    table = ladder.ladder(simulate_runs(manifest, "oracle", 50.0), manifest, **FEW)
    row = pick(table, protocol="grouped", metric="recall_mi", weighting="plain")
    assert (row["value"].item(), row["high"].item()) == (1, 1)
    assert row["low"].item() == pytest.approx(0.025 ** (1 / 8))
    balanced = pick(table, protocol="grouped", metric="balanced_accuracy", weighting="selected")
    assert balanced["low"].item() == pytest.approx(1 - (1 - 0.025 ** (1 / 8)) / 4)


def test_a_constant_answer_has_balanced_accuracy_of_a_quarter_without_doubt(manifest, simulate_runs):
    constant = simulate_runs(manifest, "majority", 0.0)
    constant[list(PROBABILITIES)] = [0.1, 0.5, 0.1, 0.3]
    table = ladder.ladder(constant, manifest, **FEW)
    rows = pick(table, metric="balanced_accuracy", stratum="all")
    assert (rows[["value", "low", "high"]] == 0.25).all(axis=None)


def test_recalls_are_k_of_n_with_exact_intervals(predictions, manifest):
    found = outcomes.recalls(predictions, manifest)
    row = pick(found, model="good", protocol="unseen", stratum="all", label="mi").iloc[0]
    assert row["pages"] == 6 and row["value"] == row["found"] / row["pages"]
    assert row["low"] <= row["value"] <= row["high"]


def test_confusion_holds_every_distinct_page_once(predictions, manifest):
    table = outcomes.confusion(predictions, manifest, protocol="as_published")
    pages = table.groupby(["model", "label"])["pages"].sum()
    distinct = manifest[manifest["selected"]].drop_duplicates("page_id")["label"].value_counts()
    for model in ("good", "weak"):
        assert pages[model].round(9).to_dict() == distinct.to_dict()
    assert table.groupby(["model", "label"])["share"].sum().to_numpy() == pytest.approx(1)


def test_headline_prints_each_model_once_and_marks_controls(table):
    wide = ladder.headline(table.assign(trained=np.where(table["model"] == "weak", "head", "all")))
    assert list(wide.columns) == list(PROTOCOL_TITLES.values())
    assert list(wide.index) == ["good", "weak (control: random, frozen)"]


def test_all_scores_add_ranking_and_calibration(predictions, manifest):
    table = ladder.all_scores(predictions, manifest, protocols=("grouped",), **FEW)
    assert set(table["metric"]) == set(metrics.METRICS)
    rows = pick(table, weighting="plain", metric="macro_auroc").set_index("model")
    assert rows.loc["good", "low"] < rows.loc["good", "value"] < rows.loc["good", "high"]
    assert rows.loc["good", "value"] > rows.loc["weak", "value"]


def test_seed_spread_reports_every_seed(predictions, manifest):
    spread = outcomes.seed_spread(predictions, manifest).set_index("model")
    assert (spread["seeds"] == 2).all()
    assert (spread["lowest"] <= spread["mean"]).all() and (spread["mean"] <= spread["highest"]).all()


def test_models_without_weights_are_kept(predictions, manifest):
    bare = predictions[predictions["model"] == "weak"].assign(weights=np.nan, trained=None)
    assert len(ladder.ladder(bare, manifest, resamples=10, seed=0))


def test_pages_of_another_study_are_an_error(predictions, manifest):
    with pytest.raises(ValueError, match="not in the manifest"):
        ladder.ladder(predictions, manifest[manifest["page_id"] != "mi-in-0"], **FEW)
    with pytest.raises(ValueError, match="no finished run"):
        ladder.ladder(predictions[:0], manifest, **FEW)


def test_ten_thousand_resamples_of_one_model_take_seconds(predictions, manifest):
    import time

    units = pooling.pool(pooling.clean(predictions), manifest, "grouped")
    mine = units[units["model"] == "good"]
    began = time.process_time()
    draw = scoring.drawn_for(units, resamples=10_000, seed=0)
    scoring.score_units(mine, draw)
    assert time.process_time() - began < 5
