"""The grid trains what is missing, once, and the same again gives the same."""

import pytest

from ecgstudy.data import splits
from ecgstudy.training import grid, runs
from ecgstudy.vocabulary import PROBABILITIES


def answers(study, models=None) -> dict[str, bytes]:
    """Run name -> the very bytes of its predictions."""
    folder = runs.runs_folder(study)
    return {run.name: (folder / run.name / "predictions.csv").read_bytes() for run in runs.study_runs(study, models)}


def times(study) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in runs.runs_folder(study).glob("*/done.json")}


def test_every_run_of_the_study_is_finished(study):
    wanted = runs.study_runs(study)
    assert len(wanted) == 5 * 3 * 2  # models, protocols, folds
    assert all(runs.is_finished(runs.runs_folder(study) / run.name) for run in wanted)


def test_each_test_file_is_answered_once_per_protocol_and_model(study):
    found = runs.read_predictions(study).query("part == 'test'")
    expected = splits.read_splits(study.folder / "splits")
    for (_, protocol), rows in found.groupby(["model", "protocol"]):
        assert sorted(rows["path"]) == sorted(expected[protocol].query("part == 'test'")["path"])


def test_probabilities_sum_to_one_and_say_where_they_come_from(study):
    found = runs.read_predictions(study)
    assert found[list(PROBABILITIES)].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-5)
    sources = found.groupby("model")[["weights", "trained"]].first()
    assert sources.loc["efficientnet_lite0"].tolist() == ["imagenet", "head"]
    assert sources.loc["baseline_cnn"].tolist() == ["random", "all"]
    assert sources.loc["thumbnail"].tolist() == ["none", "all"]


def test_grouped_runs_answer_unseen_pages_and_their_own_learning_part(study):
    found = runs.read_predictions(study).query("protocol == 'grouped' and fold == 0")
    tables = splits.read_splits(study.folder / "splits")
    unseen = tables["unseen"].query("fold == 0")
    learning = tables["grouped"].query("fold == 0 and part != 'test'")
    for model, rows in found.groupby("model"):
        assert sorted(rows.query("part == 'unseen'")["path"]) == sorted(unseen["path"])
        inner = sorted(learning["path"]) if model != "baseline_cnn" else []  # without a frozen prefix it is too dear
        assert sorted(rows.query("part == 'inner'")["path"]) == inner


def test_an_ablation_is_trained_under_grouped_alone_and_read_only_where_it_is_named(study, make_study):
    more = make_study(ablations=["efficientnet_lite0_se"])
    done = grid.run_grid(more, progress=lambda line: None)
    own = [run for run in done if run.model == "efficientnet_lite0_se"]
    assert [(run.protocol, run.fold) for run in own] == [("grouped", 0), ("grouped", 1)]
    assert len(done) == len(runs.study_runs(study)) + 2
    assert set(runs.read_predictions(more)["model"]) == set(study.models)
    assert set(runs.read_predictions(more, more.ablations)["model"]) == {"efficientnet_lite0_se"}


def test_inner_answers_can_be_left_out_without_changing_other_runs(study, make_study):
    less = make_study(
        models=["efficientnet_lite0"], training={"models": {"efficientnet_lite0": {"inner_answers": False}}}
    )
    own = [run for run in runs.study_runs(less) if run.protocol == "grouped" and run.fold == 0]
    assert "inner_answers" not in runs.study_runs(study, ["efficientnet_lite0"])[0].settings["recipe"]
    grid.run_grid(less, progress=lambda line: None)
    found = runs.read_predictions(less).query("protocol == 'grouped' and fold == 0")
    assert set(found["run"]) == {own[0].name} and set(found["part"]) == {"test", "unseen"}


def test_a_finished_grid_trains_nothing(study):
    before, lines = times(study), []
    grid.run_grid(study, progress=lines.append)
    assert lines[-1] == "all 30 runs are finished" and times(study) == before


def test_a_killed_grid_goes_on_and_gives_the_same_bytes(study, make_study, tmp_path, monkeypatch):
    """Killed at what three different stages say; nothing finished is trained twice."""
    models = ["thumbnail", "efficientnet_lite0"]
    undisturbed = answers(study, models)
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    again, finished = make_study(models=models), {}
    for killed_at in ("thumbnail:", "frozen prefix", "efficientnet_lite0: distinct, fold 1", "never"):

        def say(line, word=killed_at):
            if line.startswith(word):
                raise KeyboardInterrupt

        try:
            grid.run_grid(again, progress=say)
        except KeyboardInterrupt:
            assert killed_at != "never"
        assert finished.items() <= times(again).items()
        finished = times(again)
    assert answers(again) == undisturbed


def test_a_damaged_answer_is_trained_anew(study, make_study, tmp_path, monkeypatch):
    good = answers(study, ["majority"])
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    again = make_study(models=["majority"])
    first = grid.run_grid(again, progress=lambda line: None)[0]
    path = runs.runs_folder(again) / first.name / "predictions.csv"
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    lines = []
    grid.run_grid(again, progress=lines.append)
    assert "1 of 6 runs to train" in lines and answers(again) == good


def test_a_changed_setting_changes_the_runs_that_read_it_and_no_other(study, make_study):
    other = make_study(training={"learning_rate": 1e-3})
    before, after = ({r.model: r.key for r in runs.study_runs(s)} for s in (study, other))
    changed = {model for model in before if before[model] != after[model]}
    assert changed == {"baseline_cnn", "efficientnet_lite0"}


def test_costs_and_learning_curves_are_kept(study):
    costs = runs.read_costs(study, ["efficientnet_lite0"])
    assert (costs["parameters_trained"] == 1280 * 4 + 4).all() and (costs["seconds"] > 0).all()
    curves = runs.read_histories(study, ["baseline_cnn"])
    assert curves.groupby("run")["best"].sum().eq(1).all()
    assert {"epoch", "loss", "val_loss", "val_accuracy"} <= set(curves.columns)


def test_without_splits_it_is_said_what_makes_them(make_study, outputs):
    with pytest.raises(ValueError, match=r"no manifest yet; `es.open_study\(study\)` makes it"):
        runs.study_runs(make_study())


def test_without_a_finished_run_it_is_said_what_trains_them(make_study, outputs):
    from ecgstudy.data import prepare

    prepare.open_study(make_study())
    with pytest.raises(ValueError, match=r"no finished run .* `es.run_grid\(study\)` trains them"):
        runs.read_predictions(make_study())


@pytest.mark.parametrize(
    ("training", "image", "message"),
    [
        ({"train_from": "block9"}, {}, "train_from: efficientnet_lite0 has no layer 'block9'"),
        ({"weights": "no/such.h5"}, {}, r"weights: no/such\.h5: no such file; choose imagenet"),
        (
            {"batch_size": 64},
            {},
            r"efficientnet_lite0, as_published, fold 0, seed 0: training.batch_size is 64, but .* 35 files",
        ),
        (
            {"learning_rate": 1e30},
            {},
            r"efficientnet_lite0, as_published, fold 0, seed 0: the loss became (nan|inf) in epoch \d; lower train",
        ),
        ({}, {"height": 16, "width": 56}, "image of 16 x 56 pixels; efficientnet_lite0 needs at least 32 x 32"),
    ],
)
def test_what_cannot_be_trained_says_what_to_change_and_finished_runs_stay(
    make_study, outputs, training, image, message
):
    wrong = make_study(
        models=["majority", "efficientnet_lite0"], training=training, image={"height": 32, "width": 56} | image
    )
    with pytest.raises(ValueError, match=message):
        grid.run_grid(wrong, progress=lambda line: None)
    assert len(times(wrong)) == 6
