import dcurves
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ecgstudy.evaluation import calibration, clinical, detection, operating, pooling
from ecgstudy.vocabulary import PROBABILITIES

SPECIFIC, SENSITIVE = operating.RULES
FEW = {"resamples": 300, "seed": 0}


def test_a_specific_threshold_silences_its_share_of_the_others_and_no_lower_one_does():
    chance = np.random.default_rng(0)
    is_ill, risk = chance.random(200) < 0.2, chance.random(200).round(2)
    cut = operating.threshold(is_ill, risk, SPECIFIC)
    assert np.mean(risk[~is_ill] <= cut) >= 0.9 > np.mean(risk[~is_ill] < cut)


def test_a_sensitive_threshold_finds_its_share_of_the_ill_and_no_higher_one_does():
    chance = np.random.default_rng(0)
    is_ill, risk = chance.random(200) < 0.2, chance.random(200).round(2)
    cut = operating.threshold(is_ill, risk, SENSITIVE)
    higher = np.min(risk[risk > cut])
    assert np.mean(risk[is_ill] > cut) >= 0.95 > np.mean(risk[is_ill] > higher)


def test_a_threshold_needs_both_kinds_of_pages():
    with pytest.raises(ValueError, match="got 2 and 0"):
        operating.threshold(np.array([True, True]), np.array([0.1, 0.2]), SPECIFIC)


def test_predictive_values_follow_bayes_rule():
    """Of 1,000 pages 10 are ill, 9 found; of 990 others 99 raise an alarm: 9 of 108 alarms are right."""
    found = detection.predictive_values(np.array([0.9]), np.array([0.9]), 0.01)
    assert found["positive predictive value"][0] == pytest.approx(9 / 108)
    assert found["negative predictive value"][0] == pytest.approx(891 / 892)


def test_the_rules_hold_about_what_they_aim_at_on_test_pages(predictions, manifest):
    table = detection.detection(predictions, manifest, **FEW)
    wide = table[table["prevalence"].isna()].set_index(["model", "target", "rule", "metric"])
    for target in operating.TARGETS:
        specific = wide.loc[("good", target, SPECIFIC.name, "specificity")]
        sensitive = wide.loc[("good", target, SENSITIVE.name, "sensitivity")]
        assert specific["low"] <= 0.9 + 0.05 and specific["value"] > 0.8
        assert sensitive["value"] > 0.8
    assert (table["low"] <= table["value"] + 1e-12).all() and (table["value"] <= table["high"] + 1e-12).all()


def test_more_disease_makes_an_alarm_worth_more(predictions, manifest):
    table = detection.detection(predictions, manifest, protocol="unseen", **FEW)
    mine = table[(table["model"] == "weak") & (table["metric"] == "positive predictive value")]
    for _, rows in mine.groupby(["target", "rule"]):
        assert rows["value"].is_monotonic_increasing and len(rows) == len(detection.PREVALENCES)


def test_the_decision_curve_is_net_benefit_by_hand(predictions, manifest):
    table = clinical.decision_curve(calibration.calibrate(predictions, manifest), manifest)
    mine = table[(table["target"] == "mi") & (table["threshold"] == 0.2)].set_index("model")["net_benefit"]
    pages = manifest[manifest["selected"]].drop_duplicates("page_id")
    ill = np.mean(pages["label"] == "mi")
    assert mine["none"] == 0
    assert mine["all"] == pytest.approx(ill - (1 - ill) * 0.2 / 0.8)
    assert mine["good"] > mine["weak"]


@pytest.mark.parametrize("prevalence", [None, 0.02])
def test_the_decision_curve_is_that_of_the_package_dcurves(predictions, manifest, prevalence):
    thresholds = [0.01, 0.1, 0.25, 0.6]
    ours = clinical.decision_curve(predictions, manifest, prevalence=prevalence, thresholds=thresholds)
    units = pooling.main_units(predictions, manifest, "grouped").assign(outcome=lambda rows: (rows["label"] == 0) * 1)
    wide = units.pivot_table(index=["path", "outcome"], columns="model", values="p_mi").reset_index()
    theirs = dcurves.dca(wide, "outcome", ["good", "weak"], thresholds=thresholds, prevalence=prevalence)
    found = ours[ours["target"] == "mi"].merge(theirs, on=["model", "threshold"])
    assert len(found) == len(theirs) == 16
    np.testing.assert_allclose(found["net_benefit_x"], found["net_benefit_y"], atol=1e-12)


def test_abstaining_keeps_every_page_at_full_coverage(predictions, manifest):
    table = clinical.risk_coverage(predictions, manifest)
    last = table.groupby("model").last()
    assert (last["coverage"] == 1).all() and (last["mi_answered"] == 1).all()
    assert (table.groupby("model")["mi_answered"].diff().dropna() >= 0).all()
    assert stats.spearmanr(*table.loc[table["model"] == "good", ["coverage", "error"]].to_numpy().T)[0] > 0


def test_without_inner_predictions_there_is_no_threshold(predictions, manifest):
    assert detection.detection(predictions[predictions["part"] != "inner"], manifest, **FEW).empty
    assert isinstance(operating.thresholds(predictions[:0], manifest), pd.DataFrame)


def test_nothing_missed_on_a_few_infarcts_does_not_make_silence_certain(predictions, manifest):
    """All six unseen MI pages found, in four groups: the negative predictive value is 1, its interval is not."""
    sure = predictions.copy()
    is_mi = sure["page_id"].str.startswith("mi-out")
    sure.loc[is_mi & (sure["part"] == "unseen"), list(PROBABILITIES)] = np.array([0.97, 0.01, 0.01, 0.01])
    table = detection.detection(sure, manifest, protocol="unseen", **FEW)
    row = table.query("model == 'good' and target == 'mi' and metric == 'negative predictive value'")
    assert (row["value"] == 1).all() and (row["low"] < 1).all() and (row["high"] == 1).all()
    sensitivity = table.query("model == 'good' and target == 'mi' and metric == 'sensitivity'")["low"]
    assert sensitivity.to_numpy() == pytest.approx(0.025 ** (1 / 4))
