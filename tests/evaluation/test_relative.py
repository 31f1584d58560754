import numpy as np
import pandas as pd
import pytest

from ecgstudy.evaluation import controls, relative, robustness, sample_size

FEW = {"resamples": 300, "seed": 0}


@pytest.fixture(scope="module")
def damaged(manifest, simulate_runs):
    """One model that blur hurts little at severity 1 and much at 5; the damaged pages are a sample."""
    clean = simulate_runs(manifest, "net", 2.0, inner=False)
    sample = clean["page_id"].drop_duplicates().iloc[::2]
    kinds = {"blur-1": 1.8, "blur-5": 0.3, "stain-1": 1.9, "stain-5": 1.5}
    parts = [simulate_runs(manifest, "net", skill, condition=name, inner=False) for name, skill in kinds.items()]
    return pd.concat([clean, *(part[part["page_id"].isin(sample)] for part in parts)], ignore_index=True)


def test_damage_is_compared_with_clean_answers_on_the_same_pages(damaged, manifest):
    table = robustness.robustness(damaged, manifest, **FEW)
    rows = table[table["metric"] == "balanced_accuracy"].set_index(["damage", "severity"])
    assert rows.loc[("clean", 0), "pages"] > rows.loc[("blur", 5), "pages"]
    assert rows.loc[("clean", 0), ["difference", "difference_low", "difference_high"]].eq(0).all()
    assert rows.loc[("blur", 5), "difference_high"] < 0 and rows.loc[("blur", 5), "kept"] < 0.6
    assert rows.loc[("blur", 5), "value"] < rows.loc[("blur", 1), "value"]
    assert (rows["value"] - rows["clean"] - rows["difference"]).abs().max() < 1e-12


def test_the_mean_over_damages_names_the_worst(damaged, manifest):
    means = robustness.mean_over_damages(robustness.robustness(damaged, manifest, **FEW)).set_index("severity")
    assert means.loc[5, "worst_damage"] == "blur"
    assert means.loc[5, "kept"] < means.loc[1, "kept"]


def test_a_control_without_the_heart_is_at_chance_and_a_shortcut_is_not(manifest, simulate_runs):
    predictions = pd.concat(
        [
            simulate_runs(manifest, "net", 2.0, inner=False),
            simulate_runs(manifest, "net", 0.0, variant="permuted_labels", inner=False),
            simulate_runs(manifest, "net", 1.0, variant="header_only", inner=False),
            simulate_runs(manifest, "net", 1.0, variant="share-0.5", inner=False),
            simulate_runs(manifest, "other", 1.0, inner=False),
        ],
        ignore_index=True,
    )
    table = controls.controls(predictions, manifest, **FEW)
    found = table[table["metric"] == "balanced_accuracy"].set_index("variant")["above_chance"]
    assert found.to_dict() == {"clean": True, "permuted_labels": False, "header_only": True}
    assert set(table["title"]) == {"the study's region", "permuted labels", "header only"}
    assert set(table["model"]) == {"net"}  # the other was only run clean


def test_a_model_without_clean_answers_cannot_be_compared(damaged, manifest):
    with pytest.raises(ValueError, match="no clean predictions of 'grouped'"):
        robustness.robustness(damaged[damaged["condition"] != "clean"], manifest, **FEW)
    with pytest.raises(ValueError, match="unknown column"):
        relative.against_clean(damaged, manifest, "fold", **FEW)


def test_the_learning_curve_rises_with_its_share_of_pages(manifest, simulate_runs):
    runs = {0.25: 0.4, 0.5: 1.0}
    predictions = pd.concat(
        [
            simulate_runs(manifest, "net", 2.0, inner=False),
            *(simulate_runs(manifest, "net", s, variant=f"share-{at}", inner=False) for at, s in runs.items()),
        ]
    )
    table = sample_size.learning_curve(predictions, manifest, **FEW)
    rows = table[table["metric"] == "balanced_accuracy"].set_index("share")
    pages = manifest.loc[manifest["selected"], "page_id"].nunique()
    assert rows.index.tolist() == [0.25, 0.5, 1.0] and rows["value"].is_monotonic_increasing
    assert rows["learned_pages"].tolist() == [round(share * pages * 3 / 4) for share in rows.index]


def test_the_width_of_a_recall_falls_with_the_root_of_the_pages():
    table = sample_size.recall_widths(0.7, pages=(100, 400))
    assert table["width"][0] / table["width"][1] == pytest.approx(2, rel=0.05)
    assert table["width"][1] == pytest.approx(2 * 1.96 * np.sqrt(0.7 * 0.3 / 400), rel=0.05)


def test_pages_of_a_group_tell_less_than_as_many_groups():
    alone, in_pairs = (sample_size.recall_widths(0.7, pages=[60], pages_per_group=per) for per in (1, 2))
    assert in_pairs["width"][0] > alone["width"][0]
    assert sample_size.mi_pages_per_group(_two_per_group()) == 2


def _two_per_group():
    pages = pd.DataFrame({"page_id": ["a", "b", "c"], "group": ["g", "g", "h"], "selected": [True, True, False]})
    return pages.assign(label="mi")


def test_the_pages_asked_for_are_just_enough():
    pages = sample_size.pages_for_width(0.8, 0.1)
    assert sample_size.recall_widths(0.8, pages=[pages])["width"][0] <= 0.1
    assert sample_size.recall_widths(0.8, pages=[pages - 1])["width"][0] > 0.1
    with pytest.raises(ValueError, match="allow more"):
        sample_size.pages_for_width(0.5, 0.001, most=100)
    with pytest.raises(ValueError, match="between 0 and 1"):
        sample_size.recall_widths(80)
