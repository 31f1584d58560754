"""The model that comes with ecgstudy: small, whole, chosen without a look at test pages, and it says how it did."""

import cv2
import numpy as np
import pytest

from ecgstudy.pages import damage, paper
from ecgstudy.predict import ask
from ecgstudy.release.leads_tested import said_of_leads
from ecgstudy.release.load import SHIPPED, check_pictures, find_release, load_release
from ecgstudy.vocabulary import CLASSES

MOST_BYTES = 500_000
BLANK = np.full((900, 1300, 3), 255, np.uint8)


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


def test_it_says_how_far_the_leads_that_it_names_were_tested(pretrained):
    said = said_of_leads(pretrained.leads_tested)
    assert said["measured"]["stability"]["value"] > 0.5 and said["sentence"] in (SHIPPED / "MODEL_CARD.md").read_text()
    assert pretrained.leads_tested["verdict"] in ask.predict([BLANK], pretrained)[0].leads_tested["sentence"]


def photograph(packed, seed):
    """A packed page on its whole sheet at twice its scale, turned, seen aslant, half in shadow, and saved as JPEG."""
    left, top, right, _ = paper.SHEETS["3x4"].frame
    scale = packed.shape[1] / (right - left)
    sheet = np.full((round(paper.HEIGHT * scale), round(paper.WIDTH * scale), 3), 255, np.uint8)
    row, column = round(top * scale), round(left * scale)
    sheet[row : row + packed.shape[0], column : column + packed.shape[1]] = packed
    picture = cv2.resize(sheet, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    for kind in ("rotation", "perspective", "shadow", "jpeg"):
        picture = damage.damage(picture, kind, 2, seed=seed)
    return picture


def test_real_pages_photographed_again_are_answered_within_what_the_documentation_says(pretrained, shipped):
    """It reads pixels, so a photograph moves its answers; this holds how far, not that it is little."""
    rows = shipped.distinct
    unseen = rows[~rows["selected"].astype(bool) & (rows["layout"] == "3x4")].sort_values("page_id")["page_id"]
    scans = [shipped.picture(page_id) for page_id in unseen.iloc[np.linspace(0, len(unseen) - 1, 10).astype(int)]]
    before = ask.predict(scans, pretrained, explain=False)
    after = ask.predict([photograph(scan, 1) for scan in scans], pretrained, explain=False)
    pairs = [pair for pair in zip(before, after, strict=True) if not (pair[0].refused or pair[1].refused)]
    moved = [max(abs(a.probabilities[name] - b.probabilities[name]) for name in CLASSES) for a, b in pairs]
    assert len(pairs) >= 9 and max(moved) <= 0.66 and np.median(moved) <= 0.3
    decided = [(a.prediction_set, b.prediction_set) for a, b in pairs if not (a.abstained or b.abstained)]
    assert all(scan == photo for scan, photo in decided)
