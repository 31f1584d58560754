"""What each protocol promises, on a set with the real one's sizes, copies and groups."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import splits

SIZES = {"mi": (30, 8, 29), "abnormal": (233, 1, 173), "history": (86, 2, 73), "normal": (142, 2, 117)}


def made_manifest() -> pd.DataFrame:
    """491 distinct pages as 929 files; every fifth group goes over two classes; 60 pages are left out."""
    rng = np.random.default_rng(0)
    rows = []
    for label, (pages, copies, groups) in SIZES.items():
        for page in range(pages):
            number = rng.integers(groups)
            group = f"shared{number}" if number % 5 == 0 else f"{label}{number}"
            rows += [(f"{label}/{page}-{c}", f"{label}{page:03}", label, True, group) for c in range(copies)]
    for page in range(60):
        group = "shared0" if page < 10 else f"new{page}"
        rows.append((f"unseen/{page}", f"unseen{page:03}", "normal", False, group))
    return pd.DataFrame(rows, columns=["path", "page_id", "label", "selected", "group"])


@pytest.fixture(scope="module")
def manifest():
    return made_manifest()


@pytest.fixture(scope="module")
def made(manifest):
    return splits.make_splits(manifest, folds=5, seeds=(0, 1), validation=0.15)


def parts_per(split, unit):
    return split.groupby(["seed", "fold", unit])["part"].nunique()


def with_facts(split, manifest):
    return split.merge(manifest[["path", "label", "group", "selected"]], on="path")


@pytest.mark.parametrize("protocol", ["distinct", "grouped"])
def test_no_page_is_in_two_parts_of_one_fold(made, protocol):
    assert (parts_per(made[protocol], "page_id") == 1).all()


def test_no_group_is_in_two_parts_of_one_fold(made, manifest):
    assert (parts_per(with_facts(made["grouped"], manifest), "group") == 1).all()


def test_as_published_puts_copies_of_training_pages_into_the_test_part(made):
    assert (parts_per(made["as_published"], "page_id") > 1).any()


@pytest.mark.parametrize("protocol", ["as_published", "distinct", "grouped"])
def test_every_file_is_tested_exactly_once_per_seed(made, manifest, protocol):
    tested = made[protocol].query("part == 'test'")
    unit = "path" if protocol == "as_published" else "page_id"
    selected = manifest[manifest["selected"]]
    assert (tested.groupby(["seed", unit]).size() == 1).all()
    assert set(tested[unit]) == set(selected[unit])


@pytest.mark.parametrize("protocol", ["as_published", "distinct", "grouped"])
def test_every_part_of_every_fold_has_every_class(made, manifest, protocol):
    classes = with_facts(made[protocol], manifest).groupby(["seed", "fold", "part"])["label"].nunique()
    assert len(classes) == 2 * 5 * 3
    assert (classes == 4).all()


@pytest.mark.parametrize("protocol", ["as_published", "distinct", "grouped"])
def test_the_validation_part_is_about_as_large_as_asked_for(made, protocol):
    learning = made[protocol].query("part != 'test'")
    share = learning.groupby(["seed", "fold"])["part"].apply(lambda part: (part == "validation").mean())
    assert share.between(0.11, 0.19).all()


def test_unseen_pages_are_answered_only_by_models_that_never_saw_their_group(made, manifest):
    learned = with_facts(made["grouped"].query("part != 'test'"), manifest)
    known = set(map(tuple, learned[["seed", "fold", "group"]].to_numpy()))
    asked = with_facts(made["unseen"], manifest)
    assert not known & set(map(tuple, asked[["seed", "fold", "group"]].to_numpy()))


def test_an_unseen_page_of_a_new_group_is_answered_by_every_fold(made, manifest):
    folds = with_facts(made["unseen"], manifest).groupby(["seed", "group", "path"])["fold"].nunique()
    assert (folds.loc[:, "shared0"] == 1).all()
    assert (folds.drop("shared0", level="group") == 5).all()
    assert folds.index.get_level_values("path").nunique() == 60


def test_the_same_seed_gives_the_same_split_wherever_the_files_stand(manifest, made):
    shuffled = manifest.sample(frac=1, random_state=3)
    again = splits.make_splits(shuffled, folds=5, seeds=(0, 1), validation=0.15)
    for protocol, split in made.items():
        keys = ["seed", "fold", "path"]
        assert split.sort_values(keys, ignore_index=True).equals(again[protocol].sort_values(keys, ignore_index=True))


def test_seeds_give_different_splits(made):
    first, second = (made["grouped"].query("seed == @s").drop(columns="seed") for s in (0, 1))
    assert not first.reset_index(drop=True).equals(second.reset_index(drop=True))


def test_a_given_test_part_is_used_as_it_stands(manifest):
    given = manifest[manifest["selected"]].assign(
        given_part=lambda m: np.where(m["path"].str.endswith("-0"), "test", "train")
    )
    given = given[given["label"] != "abnormal"]
    split = splits.as_published(given, folds=5, seed=0, validation=0.15)
    assert set(split.loc[split["part"] == "test", "path"]) == set(given.loc[given["given_part"] == "test", "path"])
    assert split["fold"].unique().tolist() == [0]


def test_inner_folds_keep_groups_together_and_answer_every_row(manifest):
    rows = manifest[manifest["selected"]].drop_duplicates("page_id")
    number = splits.inner_folds(rows, folds=5, seed=0)
    assert (pd.Series(number).groupby(rows["group"].to_numpy()).nunique() == 1).all()
    assert sorted(set(number)) == [0, 1, 2, 3, 4]


def test_protocols_that_the_data_cannot_serve_are_left_out_with_a_warning(manifest):
    plain = manifest[manifest["selected"]].drop_duplicates("page_id")
    with pytest.warns(UserWarning) as said:
        made = splits.make_splits(plain)
    assert set(made) == {"distinct", "grouped"}
    assert {"'as_published'" in str(w.message) or "'unseen'" in str(w.message) for w in said} == {True}


def test_complete_pages_all_train_and_test_balanced_over_layouts(manifest):
    layouts = np.where(manifest["path"].str.contains("[02468]-", regex=True), "3x4", "6x2plain")
    layouts[:3] = "other"
    complete = manifest.assign(layout=layouts).drop_duplicates("page_id")
    with pytest.warns(UserWarning, match="is left out"):
        made = splits.make_splits(complete, pages="complete")
    assert set(made) == {"distinct", "grouped"}
    tested = made["distinct"].query("part == 'test'").merge(complete, on="path")
    assert set(tested["path"]) == set(complete.loc[complete["layout"] != "other", "path"])
    counts = pd.crosstab([tested["label"], tested["layout"]], tested["fold"])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_a_class_too_small_for_the_parts_is_named(manifest):
    few = manifest[(manifest["label"] != "mi") | manifest["path"].isin(["mi/0-0", "mi/1-0"])]
    with pytest.raises(ValueError, match=r"class 'mi' has 2 \w+s; training, validation and test part need one each"):
        splits.distinct(few, folds=5, seed=0, validation=0.15)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.assign(path="nowhere.jpg"), "nowhere.jpg is in the split, but not in the manifest"),
        (lambda s: s.assign(part=np.where(s.index % 7 == 0, "test", "train")), "stands in two parts"),
    ],
)
def test_a_split_that_breaks_its_promise_is_refused(made, manifest, spoil, message):
    split = made["grouped"].query("seed == 0")
    spoiled = spoil(pd.concat([split.query("fold == 0")] * 2, ignore_index=True))
    with pytest.raises(ValueError, match=message):
        splits.check_split(spoiled, manifest, protocol="grouped")


def test_splits_come_back_from_disk_as_they_were(made, tmp_path):
    splits.write_splits(made, tmp_path)
    back = splits.read_splits(tmp_path)
    assert list(back) == list(made)
    assert all(back[name].equals(made[name]) for name in made)


def test_a_folder_without_splits_says_what_makes_them(tmp_path):
    with pytest.raises(ValueError, match="no splits yet"):
        splits.read_splits(tmp_path)
