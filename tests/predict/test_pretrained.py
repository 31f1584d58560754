"""The model that comes with ecgstudy: small, whole, chosen without a look at test pages, and it says how it did."""

import numpy as np
import pytest

from ecgstudy.predict import ask
from ecgstudy.release.load import SHIPPED, check_pictures, find_release, load_release

MOST_BYTES = 500_000


@pytest.fixture(scope="module")
def pretrained():
    return load_release(SHIPPED)


def test_it_is_what_answers_where_no_study_has_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    assert find_release() == SHIPPED


def test_it_is_small_and_holds_plain_numbers_alone(pretrained):
    kept = list(SHIPPED.iterdir())
    assert sum(path.stat().st_size for path in kept) < MOST_BYTES
    assert {path.suffix for path in kept} == {".npz", ".json", ".md"}
    for path in SHIPPED.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype.kind in "fiu" for name in arrays.files)


def test_it_was_chosen_on_inner_predictions_among_models_that_read_the_page(pretrained):
    scores = pretrained.record["inner_scores"]
    assert pretrained.record["model"] == max(scores, key=scores.get) and len(scores) > 1
    assert "inner out-of-fold" in pretrained.record["chosen_by"]


def test_it_says_how_it_did_on_unseen_pages_and_where_its_pages_come_from(pretrained):
    measured = pretrained.record["measured"]["unseen"]
    assert measured["score"]["pages"] == 770 and "770 pages" in ask.tested(pretrained)
    assert "CC BY 4.0" in (SHIPPED / "MODEL_CARD.md").read_text()


def test_it_answers_a_page_that_it_never_saw(pretrained, shipped):
    """With networks, and after they gave the answer that they gave when they were packed."""
    rows = shipped.distinct
    page_id = rows.loc[~rows["selected"].astype(bool) & (rows["layout"] == "3x4"), "page_id"].iloc[0]
    found = ask.predict([shipped.picture(page_id)], pretrained, explain=False)[0]
    assert not found.refused and not found.familiar
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=3e-4)
    assert pretrained.members.answers(check_pictures(pretrained.record)).shape == (5, 1, 4)
