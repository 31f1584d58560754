import pandas as pd
import pytest

from ecgstudy.report import summaries
from ecgstudy.study import Study

# two files of page a, three other pages; page d was left out
MANIFEST = pd.DataFrame(
    [
        ("1", "a", "mi", True, "g1", "3x4", 80.0),
        ("2", "a", "mi", True, "g1", "3x4", 80.0),
        ("3", "b", "normal", True, "g1", "3x4", 60.0),
        ("4", "c", "normal", True, "g2", "6x2grid", None),
        ("5", "d", "normal", False, "g3", "3x4", 90.0),
    ],
    columns=["path", "page_id", "label", "selected", "group", "layout", "printed_bpm"],
).astype({"label": "string", "layout": "string"})


def test_counts_are_of_distinct_pages():
    layouts = summaries.layout_counts(MANIFEST)
    assert layouts.to_numpy().tolist() == [["3x4", "mi", 1], ["3x4", "normal", 2], ["6x2grid", "normal", 1]]
    selection = summaries.selection_counts(MANIFEST).set_index("label")
    assert selection.loc["normal"].tolist() == [2, 1] and selection.loc["history"].tolist() == [0, 0]


def test_groups_are_counted_among_selected_pages():
    assert summaries.group_counts(MANIFEST).tolist() == [3, 2, 1, 2, 1]


def test_rates_leave_out_pages_that_print_none():
    rates = summaries.rate_table(MANIFEST)
    assert rates.to_numpy().tolist() == [
        ["mi", "selected", 1, 80, 80, 80],
        ["normal", "left out", 1, 90, 90, 90],
        ["normal", "selected", 1, 60, 60, 60],
    ]


def test_parts_are_counted_as_the_mean_over_folds():
    splits = pd.DataFrame(
        [(0, 0, "1", "train"), (0, 0, "2", "train"), (0, 0, "3", "test"), (0, 1, "1", "train"), (0, 1, "4", "test")],
        columns=["seed", "fold", "path", "part"],
    )
    counts = summaries.part_counts(splits, MANIFEST).set_index("part")
    assert counts.mi["train"] == 1.5 and counts.normal["test"] == 1


def test_sampled_pages_are_distinct_and_the_same_for_the_same_seed():
    one, other = (summaries.sample_pages(MANIFEST, per_class=2, seed=3) for _ in range(2))
    assert sorted(one.page_id) == ["a", "b", "c"] and one.equals(other)
    assert summaries.sample_pages(MANIFEST, per_class=2, seed=3, selected=False).page_id.tolist() == ["d"]


@pytest.mark.parametrize(
    ("model", "weights", "trained"),
    [("majority", "none", "all"), ("mobilenet", "random", "head"), ("efficientnet_lite0", "imagenet", "head")],
)
def test_the_model_table_says_where_weights_come_from(model, weights, trained):
    study = Study.load({"name": "small", "models": [model]})
    row = summaries.model_table(study, study.models).iloc[0]
    assert (row.weights, row.trained) == (weights, trained)


def test_a_modified_model_stands_beside_its_plain_backbone():
    names = ["majority", "resnet50", "densenet121_se", "densenet121"]
    assert summaries.with_backbones(names) == ["densenet121", "densenet121_se"]
    assert summaries.with_backbones(["resnet50", "efficientnet_lite0"]) == ["efficientnet_lite0"]


def test_missing_models_are_named_without_ablations():
    missing = summaries.missing_models(["densenet121_se"], "modified")
    assert "EfficientNet-B0 + multi-scale attention" in missing
    assert "DenseNet121 + attention" not in missing and not [title for title in missing if "alone" in title]


def test_a_modified_model_is_compared_with_its_own_backbone_alone():
    names = ["densenet121", "densenet121_se", "efficientnet_lite0", "efficientnet_lite0_msa", "efficientnet_msa"]
    study = Study.load({"name": "small", "models": names})  # offline: DenseNet121 is frozen and random, a control
    assert summaries.backbone_pairs(study, names) == [("efficientnet_lite0_msa", "efficientnet_lite0")]


def test_a_page_whose_label_changed_between_versions_is_counted_once():
    changed = MANIFEST.assign(label_v1=["history", "history", "normal", "normal", None])
    assert summaries.label_changes(changed).to_numpy().tolist() == [["mi", "history", 1]]
    assert summaries.label_changes(MANIFEST).empty


def test_the_devices_reading_is_counted_by_label_and_pages_without_one_are_not():
    from ecgstudy.data import validation

    known = validation.device_measurements()["reading"].dropna().iloc[:3]
    pages = pd.DataFrame({"page_id": [*known.index, "not a page"], "label": ["abnormal"] * 4})
    found = summaries.device_disagreement(pages)
    assert found["pages"].sum() == 3
    assert set(found["other"]) == set(known)
    assert summaries.device_disagreement(pages.tail(1)).empty
