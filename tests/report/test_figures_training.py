"""Figures and tables of training: what was kept, what it cost, what a change brought."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.models import registry
from ecgstudy.report import ablations, costs, figures_training
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES, PREDICTION_COLUMNS, PROBABILITIES

MODELS = ["densenet121", "densenet121_se", "efficientnet_lite0", "efficientnet_lite0_msa"]
STUDY = Study.load(
    {"name": "small", "models": ["majority", *MODELS], "ablations": ["efficientnet_lite0_msa_4"],
     "evaluation": {"resamples": 200}}
)  # fmt: skip
HISTORY = pd.DataFrame({"epoch": [0, 1, 2], "loss": [1.0, 0.5, 0.2], "val_loss": [1.0, 0.6, 0.9]})
HISTORY = HISTORY.assign(model="efficientnet_lite0", run="a", best=[False, True, False])
CONFUSION = pd.DataFrame({"label": ["mi", "mi"], "answer": ["mi", "normal"], "pages": [3.0, 1.0]})


@pytest.fixture(scope="module")
def manifest() -> pd.DataFrame:
    """Forty pages of each class, each a group of its own."""
    labels = np.repeat(CLASSES, 40)
    names = [f"page{number}" for number in range(len(labels))]
    facts = {"path": names, "page_id": names, "label": labels, "group": names}
    return pd.DataFrame(facts).assign(selected=True, layout="3x4", width=100, height=70)


@pytest.fixture(scope="module")
def predictions(manifest) -> pd.DataFrame:
    """All are right on three quarters of each class; block 4 alone is right on all of it."""
    tables = []
    for model in ablations.ablation_models(STUDY):
        right = np.arange(len(manifest)) % 4 < (4 if model == "efficientnet_lite0_msa_4" else 3)
        truth = manifest["label"].map(CLASSES.index).to_numpy()
        answers = np.eye(4)[np.where(right, truth, (truth + 1) % 4)]
        weights = registry.weights_source(registry.model_row(model), "offline")
        rows = manifest[["path", "page_id"]].assign(part="test", condition="clean")
        rows = rows.join(pd.DataFrame(answers, columns=list(PROBABILITIES)))[list(PREDICTION_COLUMNS)]
        identity = {"run": model, "model": model, "weights": weights, "trained": "head", "protocol": "grouped"}
        tables.append(rows.assign(**identity, seed=0, fold=0, variant="clean"))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def table(predictions, manifest) -> pd.DataFrame:
    return ablations.ablation_table(STUDY, predictions, manifest)


def test_the_plain_backbone_stands_before_its_changes(table):
    assert table.change.tolist() == [
        "none (plain)", "squeeze-and-excitation", "none (plain)", "blocks 3, 4 and 6", "block 4 alone",
    ]  # fmt: skip


def test_a_gain_is_the_difference_of_two_scores_on_the_same_pages(table):
    row = table.set_index("model").loc["efficientnet_lite0_msa_4"]
    assert (row.value, row.gain) == pytest.approx((1.0, 0.25)) and 0 < row.gain_low < row.gain_high
    assert table.set_index("model").loc["efficientnet_lite0_msa", "gain"] == 0


def test_random_frozen_backbones_have_scores_but_no_gain(table):
    rows = table[table.backbone == "densenet121"]
    assert rows.value.notna().all() and rows.gain.isna().all()


def test_ablations_are_told_with_their_gain_and_controls_as_such(table):
    random, lite = ablations.ablations_in_words(table).splitlines()
    assert "a control" in random and "not shown" in random
    assert lite.endswith("Attention over blocks 3, 4 and 6 brings +0.00, block 4 alone +0.25.")
    assert "the largest gain has block 4 alone, 0.25" in lite and "1 of 2 gains lies beside zero" in lite


def test_a_study_without_changes_has_an_empty_table_and_says_so(manifest, predictions):
    plain = Study.load({"name": "small", "models": ["majority", "efficientnet_lite0"]})
    empty = ablations.ablation_table(plain, predictions, manifest)
    assert empty.empty and ablations.ablations_in_words(empty) == "No change was trained."
    assert "nothing to show" in figures_training.plot_ablations(empty).texts[0].get_text()


def test_ablation_rows_have_words_of_their_own():
    rows = [registry.model_row(name) for name in ablations.ablation_models(Study.load("params/quick.yaml"))]
    words = [(row.backbone, ablations.change_in_words(row)) for row in rows]
    assert len(set(words)) == len(words)


def test_ablations_show_the_gain_beside_each_change(table):
    ax = figures_training.plot_ablations(table)
    texts = [text.get_text() for text in ax.texts]
    assert any(text.startswith("+0.25 (+0.1") for text in texts) and "+0.00 (+0.00 to +0.00)" in texts
    assert "DenseNet121 (control: frozen, random weights)" in texts


def test_learning_curves_mark_the_epoch_whose_weights_were_kept():
    axes = figures_training.plot_training(HISTORY)
    kept = axes.flat[0].lines[-1]
    assert (list(kept.get_xdata()), list(kept.get_ydata())) == ([2], [0.6])  # epochs count from one


def test_two_stages_of_a_training_follow_one_another():
    stages = pd.concat([HISTORY.assign(stage="head", best=False), HISTORY.assign(stage="all")])
    ax = figures_training.plot_training(stages).flat[0]
    loss, _, kept, border = ax.lines
    epochs = len(HISTORY)
    assert list(loss.get_xdata()) == list(range(1, 2 * epochs + 1))
    assert list(kept.get_xdata()) == [epochs + 2] and list(border.get_xdata()) == [epochs + 0.5] * 2


def test_costs_keep_simple_models_and_mark_controls(ladder):
    spent = pd.DataFrame({"model": ["majority", "mobilenet"], "protocol": "grouped", "seconds": [0.1, 2.0]})
    found = costs.training_costs(spent.assign(parameters=[np.nan, 3e6]), ladder)
    assert found.model.tolist() == ["majority", "mobilenet"] and found.weights.tolist() == ["none", "random"]
    axes = figures_training.plot_costs(found)
    hollow = axes[0].collections[-1].get_facecolors()
    assert hollow[1].tolist() == [1, 1, 1, 1] and hollow[0].tolist() != [1, 1, 1, 1]
    assert len(axes[0].figure.legends) == 1


def test_confusions_count_pages_and_shade_by_row():
    rows = CONFUSION.assign(model="majority", protocol="grouped")
    axes = figures_training.plot_confusions(pd.concat([rows, rows.assign(model="mobilenet")]))
    assert [ax.get_title("left") for ax in axes.flat] == ["Class frequencies", "MobileNet"]
    assert axes.flat[0].images[0].get_array()[0].tolist() == [0.75, 0, 0, 0.25]
