import numpy as np
import pandas as pd
import pytest

from ecgstudy.evaluation import selection


def test_recall_is_counted_where_a_fact_of_the_page_is_alike(predictions, manifest):
    rated = manifest.assign(printed_bpm=np.where(manifest["label"] == "abnormal", 110.0, 70.0))
    alike = manifest["layout"].isin(set(manifest.loc[manifest["selected"], "layout"]))  # other layouts never mix in
    mi = manifest[~manifest["selected"] & alike & (manifest["label"] == "mi")]
    rated.loc[mi.index[0], "printed_bpm"] = np.nan
    table = selection.recall_by(predictions, rated, "printed_bpm", edges=[60, 100])
    mine = table[table["model"] == "good"]
    pages = mine.groupby("stratum")["pages"].sum().to_dict()
    unseen = manifest[~manifest["selected"] & alike]["label"].value_counts()
    assert pages == {"above 100": unseen["abnormal"], "60 to 100": unseen.sum() - unseen["abnormal"] - 1, "unknown": 1}
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    with pytest.raises(ValueError, match="did you mean 'layout'"):
        selection.recall_by(predictions, manifest, "layot")


def test_layouts_are_strata_by_their_name(predictions, manifest):
    table = selection.recall_by(predictions, manifest, "layout")
    assert set(table["stratum"]) == {"3x4", "6x2plain"}


def test_a_planted_selection_is_visible_and_chance_is_not(manifest):
    """Selected normal pages have lower rates; nothing tells selected abnormal pages from those left out."""
    chance = np.random.default_rng(0)
    pages = manifest.drop_duplicates("page_id").set_index("page_id")
    rate = chance.normal(75, 10, size=len(pages))
    rate += 20 * ((pages["label"] == "normal") & ~pages["selected"])
    features = pd.DataFrame({"rate": rate, "noise": chance.normal(size=len(pages))}, index=pages.index)
    features.loc[features.index[::17], "rate"] = np.nan
    table = selection.selection_visible(features, manifest, resamples=500).set_index("label")
    assert table.loc["normal", "low"] > 0.6
    assert table.loc["abnormal", "low"] < 0.5 < table.loc["abnormal", "high"]
    assert np.isnan(table.loc["mi", "auroc"])  # six pages left out in three groups say nothing
    assert table.loc["normal", ["selected", "unseen"]].tolist() == [44, 40]


def test_disagreement_of_labels_is_counted_by_page(manifest):
    other = manifest.assign(label_v1=manifest["label"])
    other.loc[other["page_id"] == "mi-in-0", "label_v1"] = "history"
    table = selection.label_disagreement(other)
    moved = table[table["label"] != table["other"]].iloc[0]
    assert (moved["label"], moved["other"], moved["pages"]) == ("mi", "history", 1)
    assert table["pages"].sum() == manifest["page_id"].nunique()
    assert 0.98 < table.attrs["kappa"] < 1
