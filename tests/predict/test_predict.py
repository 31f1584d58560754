"""Answers to pictures: the same for the same page however it was photographed, and everything that qualifies them."""

import json

import cv2
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from ecgstudy.data.pictures import read_picture
from ecgstudy.data.shipped import load_pages
from ecgstudy.data.sources import public_set
from ecgstudy.pages import damage, draw
from ecgstudy.predict import written
from ecgstudy.predict.answer import Prediction, in_words
from ecgstudy.predict.ask import predict
from ecgstudy.predict.figure import plot_prediction
from ecgstudy.predict.page import REASONS, check_page
from ecgstudy.predict.steadiness import variations, waver
from ecgstudy.predict.view import region_view
from ecgstudy.release.load import load_release
from ecgstudy.release.write import release
from ecgstudy.report.style import save_figure
from ecgstudy.vocabulary import CLASSES, LEADS

TOLERANCE = 0.1  # of every probability, for a model that reads redrawn pages
KEYS = [
    "path", "refused", "reason", "measured", "probabilities", "prediction_set", "abstained", "waver", "alarms", "rate",
    "intervals", "leads", "familiar", "distance", "layout", "turned", "read", "model", "tested", "leads_tested",
    "disclaimer",
]  # fmt: skip


@pytest.fixture(scope="module")
def page():
    return draw.synthetic_page(5, seed=77)


@pytest.fixture(scope="module")
def answered(page, released):
    return predict([page.picture], released)[0]


def away(one, other):
    """The largest difference of a probability."""
    assert not one.refused and not other.refused, (one.reason, one.measured, other.reason, other.measured)
    return max(abs(one.probabilities[name] - other.probabilities[name]) for name in CLASSES)


@pytest.mark.parametrize("kind", list(damage.DAMAGES))
def test_a_real_page_photographed_again_gets_the_same_answer(kind, real_pages, redrawn):
    clean = predict(real_pages["3x4"][:2], redrawn, explain=False)
    again = [damage.damage(picture, kind, 3, seed=1) for picture in real_pages["3x4"][:2]]
    for before, after in zip(clean, predict(again, redrawn, explain=False), strict=True):
        assert away(before, after) < TOLERANCE


def test_a_photograph_with_everything_wrong_at_once_gets_the_same_answer(redrawn):
    photograph = scan = draw.synthetic_page(8, seed=3, size="page").picture
    for kind in ("perspective", "shadow", "blur", "jpeg"):
        photograph = damage.damage(photograph, kind, 2, seed=3)
    before, after = predict([scan, np.ascontiguousarray(np.rot90(photograph))], redrawn, explain=False)
    assert away(before, after) < TOLERANCE and 85 < abs(after.turned) < 95


@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("tif", {}), ("webp", {"lossless": True}), ("bmp", {})])
def test_every_lossless_format_gets_the_same_answer(suffix, options, page, answered, released, tmp_path):
    path = tmp_path / f"page.{suffix}"
    PIL.Image.fromarray(page.picture).save(path, **options)
    found = predict([path], released)[0]
    if suffix == "bmp":
        assert found.reason == "unreadable" and "JPEG, PNG" in found.measured
    else:
        assert found.probabilities == answered.probabilities and found.path == str(path)


def test_a_whole_page_gets_the_answer_of_its_packed_page(answered, released):
    whole = draw.synthetic_page(5, seed=77, size="page").picture
    assert predict([whole], released)[0].probabilities == answered.probabilities


def test_an_original_becomes_the_very_picture_that_models_learn_from(originals):
    table, pages = public_set(), load_pages("selected")
    reads = {"region": "grid", "packed_width": 703, "webp_quality": 40}
    path = next((originals / "v2").rglob("MI(1).jpg"))
    row = next(r for r in table.itertuples() if r.sha256 == _sha256(path))
    assert np.array_equal(region_view(check_page(read_picture(path)), reads), pages.picture(row.page_id))


def _sha256(path):
    from ecgstudy.files import file_hash

    return file_hash(path)


@pytest.mark.parametrize("layout", ["6x2plain", "6x2grid"])
def test_a_layout_that_the_model_did_not_learn_is_refused_but_measured(layout, real_pages, released):
    found = predict([real_pages[layout][0]], released)[0]
    assert found.refused and found.reason == "unknown layout" and "learned from 3x4" in found.measured
    assert found.probabilities is found.prediction_set is found.abstained is None
    assert 30 < found.rate < 220


def test_a_page_unlike_the_training_pages_is_refused(page, released):
    stained = damage.damage(page.picture, "stain", 5, seed=0)
    found = predict([stained], released)[0]
    assert found.reason == "unlike the training pages" and found.distance > released.likeness.limit


def test_the_json_has_all_that_is_known_of_each_picture(page, released):
    found = predict([page.picture, np.zeros((900, 1300, 3), np.uint8)], released)
    judged, refused = (json.loads(json.dumps(one.as_dict(), allow_nan=False)) for one in found)
    assert list(judged) == list(refused) == KEYS
    assert list(judged["probabilities"]) == list(CLASSES)
    assert sum(judged["probabilities"].values()) == pytest.approx(1, abs=3e-4)
    assert set(judged["leads"]) == {*LEADS, "strip"} and judged["reason"] is None
    assert refused["refused"] and refused["reason"] in REASONS and refused["probabilities"] is None
    assert "thumbnail of study tiny-grid" in refused["model"] and "medical device" in refused["disclaimer"]


def test_the_json_says_how_far_the_leads_were_tested(page, released, grid_study):
    """Without the study's tests of explanations it says so; with them it has their verdict and their numbers."""
    untested = predict([page.picture], load_release(released.folder))[0].as_dict()["leads_tested"]
    assert untested["measured"] is None and "was not tested for this model" in untested["sentence"]
    table = pd.DataFrame(
        [("lead_occlusion", "thumbnail", "stability", 0.8, 0.7, 0.9), ("lead_occlusion", "other", "stability", 0, 0, 0),
         ("lead_occlusion", "thumbnail", "deletion_gain", -0.1, -0.2, 0.1)],
        columns=["method", "model", "test", "value", "low", "high"],
    )  # fmt: skip
    path = grid_study.folder / "tables" / "faithfulness.csv"
    path.parent.mkdir(exist_ok=True)
    table.to_csv(path, index=False)
    try:
        again = load_release(released.folder)
        tested = json.loads(json.dumps(predict([page.picture], again)[0].as_dict()["leads_tested"], allow_nan=False))
        assert tested["measured"]["stability"] == {"value": 0.8, "low": 0.7, "high": 0.9}
        assert (
            "no better than a map that knows nothing" in tested["sentence"] and "stability 0.80" in tested["sentence"]
        )
        assert tested["sentence"] in written.closing_words(again)
        assert load_release(release(grid_study)).record["leads_tested"]["tests"] == tested["measured"]
    finally:
        path.unlink()
        release(grid_study)


def test_the_rate_is_that_of_the_drawn_heart(released):
    pages = [draw.synthetic_page(number, seed=3, label="normal") for number in range(3)]
    for one, found in zip(pages, predict([p.picture for p in pages], released, explain=False), strict=True):
        assert found.rate == pytest.approx(one.recording.rate, rel=0.03) and found.leads is None


def test_the_set_holds_the_classes_with_a_p_value_above_alpha(page, answered, released):
    from ecgstudy.data.images import resize

    raw = released.members.answers(resize(page.picture, *released.input_shape)[None])
    p_values = released.decision.p_values(raw)[0]
    assert answered.prediction_set == tuple(n for n, p in zip(CLASSES, p_values, strict=True) if p > 0.1)


@pytest.mark.parametrize(
    ("kept", "wavers", "abstains"),
    [(("mi",), 0.1, False), (("mi",), 0.3, True), (("mi", "normal"), 0.1, True), ((), 0.1, True)],
)
def test_the_model_abstains_unless_one_class_is_left_and_the_answer_is_steady(kept, wavers, abstains):
    own = {"mi": 0.7, "abnormal": 0.1, "history": 0.1, "normal": 0.1}
    found = Prediction("page.png", "model", "tested", probabilities=own, prediction_set=kept, waver=wavers)
    assert found.abstained is abstains and found.likeliest == "mi"
    assert ("abstains" in in_words(found)) is abstains


def test_variations_can_hardly_be_seen_and_waver_is_their_largest_effect(page):
    checked = check_page(page.picture)
    for one in variations(checked):
        assert 0 < np.abs(one.picture.astype(float) - checked.picture).mean() < 6
    assert waver(np.array([[0.5, 0.5], [0.6, 0.4], [0.2, 0.8]])) == pytest.approx(0.3)


def test_a_training_page_is_told_from_a_new_one(released, grid_study, page, answered):
    from ecgstudy.data.prepare import open_study

    pages = open_study(grid_study)
    trained = pages.distinct.loc[pages.distinct["selected"], "page_id"].iloc[0]
    found = predict([pages.picture(trained)], released, explain=False)[0]
    assert found.familiar and "proves nothing" in in_words(found)
    assert not answered.familiar


def test_many_pictures_are_answered_as_each_alone(page, answered, released, monkeypatch):
    monkeypatch.setattr("ecgstudy.predict.ask.AT_ONCE", 2)
    bad = np.zeros((900, 1300, 3), np.uint8)
    found = predict([bad, page.picture, bad, page.picture, page.picture], released)
    assert [one.refused for one in found] == [True, False, True, False, False]
    assert all(one == answered for one in found if not one.refused)


def test_the_figure_shows_the_page_and_four_bars(answered, tmp_path):
    page_axes, bars = plot_prediction(answered)
    assert len(page_axes.images) == 1 and len(bars.patches) == 4
    assert save_figure(page_axes, tmp_path / "figure").is_file()


def test_the_figure_of_a_refused_picture_has_the_reason():
    page_axes, bars = plot_prediction(Prediction("x.png", "model", "tested", reason="cut off", measured="by hand"))
    assert "cut off" in page_axes.texts[0].get_text() and not bars.patches


def test_a_blanked_lead_that_the_model_does_not_read_changes_nothing(page):
    """Leads are blamed by blanking: a model that looks at V1 alone blames V1 alone."""
    from ecgstudy.predict.ask import lead_falls

    class ReadsV1:
        input_shape = (128, 224)

        def probabilities(self, pictures):
            box = page.layout.leads["V1"].pixels(128, 224)
            ink = 1 - np.asarray(pictures)[:, box[0], box[1]].mean(axis=(1, 2, 3)) / 255
            return np.stack([ink, 1 - ink, 0 * ink, 0 * ink], axis=1)

    falls = lead_falls(page.picture, ReadsV1(), 0)
    assert max(falls, key=falls.get) == "V1"
    assert all(abs(fall) < 0.1 * falls["V1"] for lead, fall in falls.items() if lead not in ("V1", "V2"))


def test_a_page_at_twice_the_scale_gets_nearly_the_same_answer(page, answered, released):
    large = cv2.resize(page.picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert away(predict([large], released)[0], answered) < 0.1
