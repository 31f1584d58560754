"""What a study hands out: chosen without a look at test pages, whole, checked, and the same again."""

import json
import shutil

import numpy as np
import pytest

from ecgstudy.data.images import cached_pictures
from ecgstudy.data.manifest import read_manifest
from ecgstudy.data.prepare import open_study
from ecgstudy.evaluation import pooling
from ecgstudy.release import card, write
from ecgstudy.release.load import RECORD, find_release, load_release
from ecgstudy.release.write import candidates, release
from ecgstudy.training import runs
from ecgstudy.vocabulary import CLASSES, DISCLAIMER, PROBABILITIES


@pytest.fixture
def copied(released, tmp_path):
    """A release that a test may spoil."""
    return shutil.copytree(released.folder, tmp_path / "best")


@pytest.fixture(scope="module")
def predictions(grid_study):
    return runs.read_predictions(grid_study)


@pytest.fixture(scope="module")
def cache(grid_study):
    image = grid_study.image
    return cached_pictures(
        open_study(grid_study), region=image.region, height=image.height, width=image.width,
        folder=grid_study.folder / "cache",
    )  # fmt: skip


def test_test_pages_have_no_say_in_the_choice(grid_study, predictions):
    manifest = read_manifest(grid_study.folder / "manifest.csv")
    other = predictions.copy()
    other.loc[other["part"] != "inner", list(PROBABILITIES)] = 0.25
    assert candidates(predictions, manifest) == candidates(other, manifest) != {}


def test_only_models_that_read_the_page_can_be_handed_out(grid_study, predictions):
    assert list(candidates(predictions, read_manifest(grid_study.folder / "manifest.csv"))) == ["thumbnail"]
    with pytest.raises(ValueError, match="majority: reads nothing"):
        release(grid_study, "majority")
    with pytest.raises(ValueError, match="did you mean 'thumbnail'"):
        release(grid_study, "tumbnail")


def test_a_model_that_is_not_trained_cannot_be_handed_out(grid_study):
    with pytest.raises(ValueError, match="is not finished; train it first"):
        release(grid_study, "baseline_cnn")


def test_each_member_answers_its_own_test_pages_as_its_run_did(released, predictions, cache):
    for member, run in enumerate(runs_of(released)):
        rows = predictions[(predictions["run"] == run) & (predictions["part"] == "test")]
        answers = released.members.answers(cache.pictures[cache.rows(rows["page_id"].tolist())])
        assert np.allclose(answers[member], pooling.probabilities(rows), atol=1e-6)


def test_an_unseen_page_gets_the_mean_of_the_members_calibrated_answers(released, predictions, cache):
    rows = predictions[predictions["run"].isin(runs_of(released)) & (predictions["part"] == "unseen")]
    page = rows["page_id"].value_counts().index[0]  # answered by all members
    raw = pooling.probabilities(rows[rows["page_id"] == page].sort_values("fold"))
    mine = released.probabilities(cache.pictures[cache.rows([page])])
    by_hand = np.mean([c(one) for c, one in zip(released.decision.calibrators, raw, strict=True)], axis=0)
    assert np.allclose(mine[0], by_hand, atol=1e-5)


def runs_of(released):
    return [runs.Run(**{k: record[k] for k in RUN_FIELDS}).name for record in released.record["runs"]]


RUN_FIELDS = ("model", "protocol", "fold", "seed", "variant", "settings", "data")


def test_the_same_study_hands_out_the_same_files(grid_study, released):
    before = {path.name: path.read_bytes() for path in released.folder.iterdir()}
    assert {path.name: path.read_bytes() for path in release(grid_study).iterdir()} == before


def test_a_release_that_fails_leaves_the_one_before(grid_study, released, monkeypatch):
    monkeypatch.setattr(card, "model_card", lambda record: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        release(grid_study)
    assert load_release(released.folder).name == released.name


def test_what_an_older_release_left_is_removed(grid_study, released):
    (released.folder / "member-7-00000000.npz").write_bytes(b"old")
    release(grid_study)
    assert not (released.folder / "member-7-00000000.npz").exists()


def test_a_changed_file_is_not_loaded(copied):
    path = next(copied.glob("member-0*"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=f"{path.name}: not what was packed"):
        load_release(copied)


def test_a_missing_file_is_named(copied):
    path = next(copied.glob("decision*"))
    path.unlink()
    with pytest.raises(ValueError, match=f"{path.name}: missing"):
        load_release(copied)


@pytest.mark.parametrize("change", [{"unlike_from": 1e9}, {"format": 99}])
def test_a_changed_record_is_not_loaded(change, copied):
    record = json.loads((copied / RECORD).read_text()) | change
    (copied / RECORD).write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"changed after it was written|this ecgstudy reads"):
        load_release(copied)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON"])
def test_a_record_that_is_none_is_one_line(text, copied):
    (copied / RECORD).write_text(text)
    with pytest.raises(ValueError, match="not a release's record") as error:
        load_release(copied)
    assert "\n" not in str(error.value)


def test_members_that_answer_otherwise_than_when_packed_are_not_used(released, copied):
    spoilt = load_release(copied)
    spoilt.record["check"] = (np.array(spoilt.record["check"])[..., ::-1]).tolist()
    with pytest.raises(ValueError, match="from what it answered when packed"):
        spoilt.members  # noqa: B018


def test_a_release_is_found_by_folder_by_study_and_by_being_the_newest(released, tmp_path):
    assert find_release(released.folder) == released.folder
    assert find_release("tiny-grid") == released.folder
    assert load_release(find_release()).record["study"].startswith("tiny")
    with pytest.raises(ValueError, match="no released model"):
        find_release(tmp_path)


def test_the_card_says_what_it_is_and_how_it_did(released):
    text = (released.folder / "MODEL_CARD.md").read_text()
    assert DISCLAIMER in text and released.record["key"] in text
    unseen = released.record["measured"]["unseen"]
    assert f"balanced accuracy {unseen['score']['value']:.2f}" in text
    assert sum(row["pages"] for row in unseen["recalls"].values()) == unseen["score"]["pages"] == 24


def test_sets_promise_what_cross_conformal_folds_can(released):
    assert set(released.decision.promises) == set(CLASSES)
    assert all(0 <= promise <= 0.8 for promise in released.decision.promises.values())  # two folds: below 1 - 2 alpha


def test_training_pages_are_familiar_others_are_not(released, cache, predictions):
    trained = predictions.loc[predictions["part"] == "test", "page_id"].unique()
    unseen = predictions.loc[predictions["part"] == "unseen", "page_id"].unique()
    assert released.likeness.is_familiar(cache.pictures[cache.rows(trained)]).all()
    assert not released.likeness.is_familiar(cache.pictures[cache.rows(unseen)]).any()


def test_pages_like_the_training_pages_are_like_them_and_noise_is_not(released, cache, predictions):
    unseen = predictions.loc[predictions["part"] == "unseen", "page_id"].unique()
    near = released.likeness.distances(cache.pictures[cache.rows(unseen)])
    noise = np.random.default_rng(0).integers(0, 256, (3, *released.input_shape, 3), dtype=np.uint8)
    assert (near < released.likeness.limit).mean() > 0.9
    assert (released.likeness.distances(noise) > released.likeness.limit).all()


def test_too_few_pages_cannot_say_what_is_usual():
    with pytest.raises(ValueError, match="too few"):
        write.likeness.fit(np.zeros((3, 32, 56, 3), np.uint8), np.array(["a", "b", "c"]))
