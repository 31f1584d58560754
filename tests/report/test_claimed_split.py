import cv2
import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import claimed_split as pure
from ecgstudy.data import images, splits
from ecgstudy.report import claimed_split, claims, words
from ecgstudy.vocabulary import CLASSES

COPIES = dict(zip(CLASSES, (4, 3, 3, 3), strict=True))


@pytest.fixture
def manifest() -> pd.DataFrame:
    """Eighty pages; every tenth was left out."""
    pages = [(f"{at}.jpg", f"page{at}", CLASSES[at % 4], at % 10 != 9, f"g{at}", "3x4") for at in range(80)]
    return pd.DataFrame(pages, columns=["path", "page_id", "label", "selected", "group", "layout"])


@pytest.fixture
def noise(manifest) -> images.PictureCache:
    """Pictures of clouds: nothing on them tells the class."""
    clouds = np.random.default_rng(0).integers(0, 256, size=(len(manifest), 8, 14, 3), dtype=np.uint8)
    height, width = claimed_split.SIZE
    pictures = np.stack([cv2.resize(cloud, (width, height), interpolation=cv2.INTER_CUBIC) for cloud in clouds])
    return images.PictureCache(pictures, tuple(manifest["page_id"]), "noise")


def test_the_published_counts_are_four_copies_of_each_infarction_and_three_of_all_others():
    assert {name: number * COPIES[name] for name, number in claims.CLAIMED_TEST_FILES.items()} == (
        claims.CLAIMED_TRAIN_FILES
    )


def test_every_file_is_tested_and_its_copies_are_learned_from(manifest):
    split = pure.claimed_split(manifest, COPIES)
    train, test = (split[split["part"] == part] for part in ("train", "test"))
    assert set(test["path"]) == set(train["path"]) == set(manifest.loc[manifest["selected"], "path"])
    assert (train.groupby("path").size() == train.groupby("path")["label"].first().map(COPIES)).all()
    assert not train.duplicated(["path", "copy"]).any()


def test_the_projects_own_rules_refuse_such_a_split(manifest):
    split = pure.claimed_split(manifest, COPIES).assign(seed=0, fold=0)
    with pytest.raises(ValueError, match=r"two parts|no .* page in"):
        splits.check_split(split[["seed", "fold", "path", "page_id", "part"]], manifest, protocol="grouped")


def test_mere_memory_scores_all_on_it_where_there_is_nothing_to_learn(manifest, noise):
    grouped = splits.grouped(manifest, folds=2, seed=0, validation=0.25).assign(seed=0)
    table = claimed_split.split_scores(noise, manifest, grouped, COPIES, seed=0).set_index(["model", "learned from"])
    assert table.loc[("remember", claimed_split.SEEN), "balanced_accuracy"] == 1
    assert table.loc[("remember", claimed_split.NEVER_SEEN), "balanced_accuracy"] < 0.45
    assert table["tested_files"].tolist() == [72, 72, 72, 72]


def test_the_sentence_says_both_accuracies_of_each_model():
    rows = [("remember", claimed_split.SEEN, 1.0), ("remember", claimed_split.NEVER_SEEN, 0.58)]
    said = words.claimed_split_in_words(pd.DataFrame(rows, columns=["model", "learned from", "accuracy"]))
    assert said == (
        "On the split that the published counts imply, 'remember' scores an accuracy of 1.00; "
        "on pages that it never saw, 0.58."
    )
