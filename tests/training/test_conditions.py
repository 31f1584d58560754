"""Damaged pages: a sample of them, each answered by the run that had it in its test part."""

import shutil

import numpy as np
import pytest

from ecgstudy.data import prepare
from ecgstudy.data.synthetic import synthetic
from ecgstudy.pages import damage
from ecgstudy.training import conditions, runs

ASKED = {"robustness_pages": 8, "robustness_severities": [3], "control_model": "efficientnet_lite0"}


def quiet(line: str) -> None:
    """Takes progress and says nothing."""


def answers(study) -> dict[str, bytes]:
    """Run name -> the very bytes of its answers for damaged pages."""
    found = {run.name: runs.conditions_folder(study, run) for run in conditions.condition_runs(study)}
    return {name: (folder / "predictions.csv").read_bytes() for name, folder in found.items() if folder.is_dir()}


@pytest.fixture
def asked(study, make_study):
    """The trained tiny study, asked about damaged pages and not yet answered."""
    changed = make_study(evaluation=ASKED)
    for run in runs.study_runs(changed, ["efficientnet_lite0"]):
        shutil.rmtree(runs.conditions_folder(changed, run), ignore_errors=True)
    return changed


def test_the_sample_has_as_many_pages_of_each_class_and_does_not_depend_on_their_order():
    manifest = synthetic(60).manifest
    sample = conditions.sampled(manifest, 12)
    labels = manifest.drop_duplicates("page_id").set_index("page_id")["label"]
    assert labels[sample].value_counts().tolist() == [3, 3, 3, 3]
    assert conditions.sampled(manifest.sample(frac=1, random_state=1), 12) == sample
    assert set(conditions.sampled(manifest, 4)) < set(sample)
    assert manifest.set_index("page_id")["selected"][sample].all()


def test_a_sample_larger_than_the_study_is_the_whole_study():
    manifest = synthetic(24, unseen=False).manifest
    assert sorted(conditions.sampled(manifest, 10**6)) == sorted(manifest["page_id"].unique())


def test_an_accident_belongs_to_its_page():
    picture = synthetic(24).picture(synthetic(24).distinct["page_id"][0])
    one, again, other = (conditions.damaged(picture, page, "shadow", 3) for page in ("a1", "a1", "b2"))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_each_sampled_page_is_answered_under_each_damage_by_its_own_fold(asked):
    conditions.run_conditions(asked, progress=quiet)
    found = runs.read_predictions(asked).query("model == 'efficientnet_lite0' and protocol == 'grouped'")
    clean = found.query("condition == 'clean' and part == 'test'").set_index("path")["run"]
    damaged = found[found["condition"] != "clean"]
    assert set(damaged["condition"]) == {f"{kind}-3" for kind in damage.DAMAGES}
    assert damaged.groupby("condition")["page_id"].nunique().eq(8).all() and len(damaged) == 8 * len(damage.DAMAGES)
    assert set(damaged["part"]) == {"test"} and set(damaged["variant"]) == {"clean"}
    assert (clean[damaged["path"]].to_numpy() == damaged["run"].to_numpy()).all()


def test_killed_between_folds_it_goes_on_and_gives_the_same_bytes(asked):
    def killed(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conditions.run_conditions(asked, progress=killed)
    first, lines = answers(asked), []
    conditions.run_conditions(asked, progress=lines.append)
    whole = answers(asked)
    assert len(first) == len(lines) == 1 and first.items() < whole.items()
    assert all(runs.is_finished(runs.conditions_folder(asked, run)) for run in conditions.condition_runs(asked))
    for name in whole:
        shutil.rmtree(next(runs.runs_folder(asked).glob(f"{name}-conditions-*")))
    conditions.run_conditions(asked, progress=quiet)
    assert answers(asked) == whole


def test_other_severities_are_other_answers_and_the_run_stays_the_same(asked, make_study):
    run = conditions.condition_runs(asked)[0]
    other = make_study(evaluation=ASKED | {"robustness_severities": [1, 5]})
    assert conditions.condition_runs(other)[0].name == run.name
    assert runs.conditions_folder(other, run) != runs.conditions_folder(asked, run)


def test_nobody_is_asked_who_is_not_trained_or_does_not_read_pages(study, make_study, outputs):
    assert conditions.condition_runs(study) == []  # the tiny study asks for no damaged page
    models = {"control_model": "thumbnail"}, {"models": ["heart_rate", "efficientnet_lite0"]}
    untrained = make_study(evaluation=ASKED | models[0], explanation=models[1], training={"epochs": 1})
    prepare.open_study(untrained)
    assert conditions.run_conditions(untrained, progress=quiet) == []


def test_damage_happens_at_the_scale_of_packed_pages_unless_the_model_sees_more():
    from ecgstudy.data.manifest import Pages
    from ecgstudy.study import Image

    packed = synthetic(24)
    whole = Pages(packed.manifest, "page", lambda path: np.zeros((1572, 2213, 3), np.uint8))
    page = packed.distinct["page_id"][0]
    assert conditions.undamaged(packed, page, Image()).shape == (412, 703, 3)
    box = "0.03,0.18,0.984,0.966"
    assert conditions.undamaged(whole, page, Image(region=box)).shape[1] == pytest.approx(703, abs=2)
    assert conditions.undamaged(whole, page, Image(region=box, height=618, width=1056)).shape[1] >= 1056
