import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecgstudy.evaluation import comparison, ladder, steps
from ecgstudy.vocabulary import PROBABILITIES

FEW = {"resamples": 400, "seed": 0}


def test_a_better_model_is_found_better(predictions, manifest):
    table = comparison.compare(predictions, manifest, [("good", "weak")], family="test", **FEW)
    row = table.iloc[0]
    assert list(table.columns) == comparison.COMPARISON_COLUMNS
    assert 0 < row["low"] < row["value"] < row["high"]
    assert row["p_flip"] == pytest.approx(1 / 401) and row["p_mcnemar"] < 0.05
    assert row["mcnemar_pages"] == row["groups"] < row["pages"]


def test_a_difference_is_the_difference_of_the_ladder_and_changes_its_sign_with_the_order(predictions, manifest):
    table = comparison.compare(predictions, manifest, [("good", "weak"), ("weak", "good")], family="both", **FEW)
    scores = ladder.ladder(predictions, manifest, **FEW)
    wanted = scores[
        (scores["protocol"] == "grouped")
        & (scores["metric"] == "balanced_accuracy")
        & (scores["stratum"] == "all")
        & (scores["weighting"] == "selected")
    ].set_index("model")["value"]
    assert table["value"].tolist() == pytest.approx([wanted["good"] - wanted["weak"], wanted["weak"] - wanted["good"]])
    assert table["low"][0] == pytest.approx(-table["high"][1])


def test_a_model_does_not_differ_from_itself(predictions, manifest):
    twin = predictions[predictions["model"] == "good"].assign(model="twin")
    row = comparison.compare(pd.concat([predictions, twin]), manifest, [("good", "twin")], family="t", **FEW).iloc[0]
    assert (row[["value", "low", "high"]] == 0).all()
    assert row["p_flip"] == row["p_mcnemar"] == 1


def test_p_values_of_equally_good_models_are_uniform(manifest, simulate_runs):
    """80 pairs of models of the same skill: no more small p values than chance gives."""
    pages = manifest[manifest["selected"]].drop_duplicates("page_id").sort_values("path")
    label = pages["label"].map({"mi": 0, "abnormal": 1, "history": 2, "normal": 3}).to_numpy()
    chance, found = np.random.default_rng(0), []
    for seed in range(80):
        one, other = (
            pages.assign(label=label, share=1.0, **dict(zip(PROBABILITIES, _guess(chance, label).T, strict=True)))
            for _ in range(2)
        )
        found.append(comparison.flip_test(one, other, "balanced_accuracy", flips=200, seed=seed))
    assert stats.kstest(found, "uniform").pvalue > 0.01


def _guess(chance, label):
    logits = chance.normal(size=(len(label), 4))
    logits[np.arange(len(label)), label] += 1
    return logits


def test_holm_multiplies_the_smallest_p_by_the_size_of_the_family(predictions, manifest):
    twin = predictions[predictions["model"] == "weak"].assign(model="twin")
    everyone = pd.concat([predictions, twin], ignore_index=True)
    pairs = [("good", "weak"), ("good", "twin"), ("weak", "twin")]
    table = comparison.compare(everyone, manifest, pairs, family="three", **FEW)
    assert table["p_holm"].tolist() == pytest.approx([3 / 401, 3 / 401, 1])


def test_families_pair_networks_with_the_simple_models_and_leave_controls_out(predictions):
    renamed = predictions.assign(model=predictions["model"].map({"good": "densenet121", "weak": "traces"}))
    renamed.loc[renamed["model"] == "traces", "weights"] = "none"
    simple_average = renamed[renamed["model"] == "traces"].assign(model="traces + thumbnail")
    control = renamed[renamed["model"] == "densenet121"].assign(model="mobilenet", trained="head")
    found = comparison.families(pd.concat([renamed, control, simple_average]))
    assert found == {"better than traces": [("densenet121", "traces")]}


def test_models_on_different_pages_cannot_be_compared(predictions, manifest):
    less = predictions[(predictions["model"] == "good") | (predictions["fold"] != 0)]
    with pytest.raises(ValueError, match="finish the grid"):
        comparison.compare(less, manifest, [("good", "weak")], family="t", **FEW)
    with pytest.raises(ValueError, match="did you mean 'good'"):
        comparison.compare(predictions, manifest, [("goood", "weak")], family="t", **FEW)


def test_steps_lead_from_rung_to_rung_and_add_up_to_the_whole_fall(predictions, manifest):
    table = steps.steps(predictions, manifest, **FEW)
    mine = table[(table["model"] == "weak") & (table["metric"] == "balanced_accuracy")]
    assert mine["step"].tolist() == ["as_published to distinct", "distinct to grouped", "grouped to unseen"]
    assert mine["paired"].tolist() == [True, True, False]
    scores = ladder.headline(ladder.ladder(predictions, manifest, **FEW)).loc["weak"]
    first, last = (float(scores.iloc[at].split()[0]) for at in (0, -1))
    assert mine["value"].sum() == pytest.approx(last - first, abs=0.011)
    assert mine["high"].iloc[0] < 0  # without copies in training the weak model falls, beyond doubt


def test_pairing_narrows_a_step(predictions, manifest):
    """The same pages are tested on both rungs, so their luck cancels."""
    table = steps.steps(predictions, manifest, **FEW)
    mine = table[(table["model"] == "weak") & (table["metric"] == "balanced_accuracy")]
    width = (mine["high"] - mine["low"]).tolist()
    assert width[1] < width[2]
