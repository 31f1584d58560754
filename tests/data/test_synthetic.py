"""The synthetic source is made like the public set, with its truth."""

import numpy as np
import pytest

from ecgstudy.data import splits, synthetic
from ecgstudy.vocabulary import CLASSES, LEADS


@pytest.fixture(scope="module")
def pages():
    return synthetic.synthetic(48, seed=0)


def test_classes_copies_and_left_out_pages_are_like_the_public_set(pages):
    selected = pages.distinct[pages.distinct["selected"]]
    assert len(selected) == 48
    assert set(selected["label"]) == set(CLASSES)
    assert selected["label"].value_counts().idxmax() == "abnormal"
    left_out = pages.distinct[~pages.distinct["selected"]]
    assert len(left_out) == 24
    copies = pages.manifest[pages.manifest["selected"]].groupby("page_id").agg({"label": "first", "path": "size"})
    for label, files in synthetic.COPIES.items():
        assert set(copies.loc[copies["label"] == label, "path"]) == {files}
    assert set(pages.manifest.loc[~pages.manifest["selected"], "page_id"].value_counts()) == {1}


def test_groups_hold_several_pages_and_reach_into_the_left_out_ones(pages):
    groups = pages.distinct.groupby("group")
    assert groups.size().max() > 1
    assert groups.ngroups > 0.4 * len(pages.distinct)
    both = groups["selected"].nunique()
    assert (both == 2).any()


def test_pictures_are_what_the_manifest_says(pages):
    for row in pages.distinct.iloc[[0, 20, -1]].itertuples():
        picture = pages.picture(row.page_id)
        assert picture.shape == (row.height, row.width, 3)
        assert picture.dtype == np.uint8
        assert np.array_equal(picture, pages.picture(row.page_id))


def test_copies_show_one_picture_and_distinct_pages_differ(pages):
    mi = pages.manifest[pages.manifest["label"] == "mi"]
    copies = mi[mi["page_id"] == mi["page_id"].iloc[0]]["path"]
    first, last = pages.read(copies.iloc[0]), pages.read(copies.iloc[-1])
    assert np.array_equal(first, last)
    assert not np.array_equal(first, pages.picture(mi["page_id"].iloc[-1]))


def test_the_truth_of_a_page_is_the_truth_of_its_picture(pages):
    row = pages.distinct[pages.distinct["label"] == "mi"].iloc[0]
    page = synthetic.true_page(pages, row["page_id"], seed=0)
    assert np.array_equal(page.picture, pages.picture(row["page_id"]))
    assert (page.label, page.recording.kind) == (row["label"], row["kind"])
    assert page.printed_bpm == row["printed_bpm"]
    assert tuple(row["territory"].split()) == page.territory
    assert set(page.layout.leads) == set(LEADS)


def test_a_seed_fixes_everything_and_another_gives_other_pages():
    one, two = (synthetic.synthetic.__wrapped__(24, seed=3) for _ in range(2))
    other = synthetic.synthetic(24, seed=4)
    assert one.manifest.equals(two.manifest)
    assert one.data_hash == two.data_hash != other.data_hash


def test_every_protocol_can_be_served(pages):
    made = splits.make_splits(
        pages.manifest, protocols=("as_published", "distinct", "grouped", "unseen"), folds=2, seeds=[0], validation=0.2
    )
    assert set(made) == {"as_published", "distinct", "grouped", "unseen"}


def test_without_left_out_pages_the_selected_ones_stay_the_same(pages):
    alone = synthetic.synthetic(48, seed=0, unseen=False)
    assert alone.manifest["selected"].all()
    assert list(alone.distinct["page_id"]) == list(pages.distinct["page_id"][:48])


def test_too_few_pages_are_refused():
    with pytest.raises(ValueError, match="3 synthetic pages are too few; ask for at least 24"):
        synthetic.synthetic(3, seed=0)


def test_no_such_page_is_said_so(pages):
    with pytest.raises(ValueError, match="no page 'abc'"):
        synthetic.true_page(pages, "abc", seed=0)
