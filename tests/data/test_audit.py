"""Copies are counted, and a leak is a leak."""

import pandas as pd

from ecgstudy.data import audit

MANIFEST = pd.DataFrame(
    {
        "path": ["a1", "a2", "a3", "b1", "c1", "c2"],
        "page_id": ["a", "a", "a", "b", "c", "c"],
        "label": ["mi", "mi", "mi", "normal", "normal", "normal"],
    }
)


def split(parts):
    keys = MANIFEST[["path", "page_id"]]
    return keys.assign(seed=0, fold=0, part=parts)


def test_files_and_distinct_pages_are_counted_by_class():
    table = audit.copies_table(MANIFEST)
    assert table["files"].to_dict() == {"mi": 3, "normal": 3, "all": 6}
    assert table["distinct"].to_dict() == {"mi": 1, "normal": 2, "all": 3}


def test_leakage_counts_test_files_whose_page_was_trained_or_validated_on():
    leaks = audit.leakage(MANIFEST, split(["train", "test", "test", "test", "validation", "test"]))
    assert leaks.table["with_copy"].to_dict() == {"mi": 2, "normal": 1, "all": 3}
    assert leaks.share == 3 / 4


def test_a_copy_in_another_fold_is_no_leak():
    one = split(["test", "test", "test", "train", "train", "train"])
    other = split(["train", "train", "train", "test", "test", "test"]).assign(fold=1)
    assert audit.leakage(MANIFEST, pd.concat([one, other])).share == 0


def files(copies):
    pages = [f"p{page}" for page, count in enumerate(copies) for _ in range(count)]
    return pd.DataFrame({"page_id": pages, "label": "mi"})


def test_expected_leakage_of_pairs_is_the_chance_that_the_twin_is_elsewhere():
    # 200 pairs; a test part of 80 files: the twin of a test file is among the 79 others of 399
    found = audit.expected_leakage(files([2] * 200), test_share=0.2, draws=400, seed=0)
    assert abs(found.loc["mi", "share"] - (1 - 79 / 399)) < 0.01


def test_expected_leakage_is_given_by_class():
    both = pd.concat(
        [files([8] * 30), files([1] * 100).assign(label="abnormal", page_id=[f"a{i}" for i in range(100)])]
    )
    found = audit.expected_leakage(both, test_share=0.2, draws=50, seed=0)
    assert found.loc["mi", "share"] > 0.99
    assert found.loc["abnormal", "share"] == 0
    assert 0 < found.loc["all", "share"] < 1


def test_pages_without_copies_cannot_leak():
    assert (audit.expected_leakage(files([1] * 50), test_share=0.2, draws=10, seed=0)["share"] == 0).all()
