"""Fine-tuning in two stages, cached views and fresh ones, through the grid."""

import dataclasses
import os
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import prepare, splits
from ecgstudy.models import build, graph, registry
from ecgstudy.training import epochs, grid, members, networks, parts, resident, runs
from ecgstudy.vocabulary import PROBABILITIES

GROUPED = {"folds": 2, "validation": 0.25, "protocols": ["grouped"]}
FINE = {"train_from": "block7a_expand_conv", "head_epochs": 2, "cached_views": 2, "epochs": 2}


@pytest.fixture(scope="module")
def fine(tmp_path_factory, make_study):
    """A study fine-tuned on cached views, and a function that trains it elsewhere."""

    def train(folder, progress=lambda line: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ECGSTUDY_OUTPUTS", str(folder))
            study = make_study(models=["efficientnet_lite0"], splits=GROUPED, training=FINE)
            run = grid.run_grid(study, progress=progress)[0]
            return runs.runs_folder(study) / run.name

    return train, train(tmp_path_factory.mktemp("fine"))


def test_the_head_learns_first_then_the_last_block(fine):
    history = pd.read_csv(fine[1] / "history.csv")
    assert history["stage"].tolist() == ["head", "head", "all", "all"]
    assert history["best"].sum() == 1 and history.loc[history["best"], "stage"].item() == "all"
    with np.load(fine[1] / "weights.npz") as file:
        layers = {name.split(" ")[1] for name in file.files}
    assert {"block7a_expand_conv", "top_conv", "logits"} <= layers
    assert "block6d_project_conv" not in layers, "frozen"
    assert "top_bn" not in layers, "pretrained batch norms stay as they are"


def test_a_run_killed_in_its_second_stage_ends_with_the_same_bytes(fine, tmp_path, monkeypatch):
    train, undisturbed = fine
    monkeypatch.setattr(epochs, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with monkeypatch.context() as patch:
        judge, seen = epochs.Epochs._judge, []

        def killed(self, epoch, loss):
            seen.append(epoch)
            if len(seen) == 4:  # two epochs of the head, two of all
                raise KeyboardInterrupt
            judge(self, epoch, loss)

        patch.setattr(epochs.Epochs, "_judge", killed)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    folder = train(tmp_path)
    for name in ("predictions.csv", "history.csv"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_random_view_is_another_picture_and_always_the_same():
    pictures = np.random.default_rng(0).integers(0, 256, (6, 32, 56, 3)).astype("uint8")
    first, again, other = (np.asarray(resident.RandomView(pictures, n)[2:5]) for n in (1, 1, 2))
    assert first.shape == (3, 32, 56, 3) and np.array_equal(first, again)
    assert not np.array_equal(first, other) and np.abs(first - pictures[2:5]).mean() > 1
    leads = pictures[:, None].repeat(13, axis=1)
    assert np.asarray(resident.RandomView(leads, 1)[0:2]).shape == (2, 13, 32, 56, 3)


def test_fresh_views_change_the_training(make_study, study, tmp_path, monkeypatch):
    plain = runs.read_predictions(study, ["baseline_cnn"]).query("protocol == 'grouped' and part == 'test'")
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    varied = make_study(models=["baseline_cnn"], splits=GROUPED, training={"augment": True})
    grid.run_grid(varied, progress=lambda line: None)
    found = runs.read_predictions(varied).query("part == 'test'")
    assert found["path"].tolist() == plain["path"].tolist()
    assert not np.allclose(found["p_mi"], plain["p_mi"], atol=1e-4)


def test_a_model_is_built_and_compiled_once_for_all_its_runs(make_study, outputs, monkeypatch):
    counts = {"built": 0, "compiled": 0}

    def counted(word, function):
        def call(*args, **settings):
            counts[word] += 1
            return function(*args, **settings)

        return call

    monkeypatch.setattr(build, "networks", counted("built", build.networks))
    monkeypatch.setattr(keras.Model, "compile", counted("compiled", keras.Model.compile))
    runs_made = grid.run_grid(make_study(models=["efficientnet_lite0"], splits=GROUPED), progress=lambda line: None)
    assert len(runs_made) == 2 and counts == {"built": 1, "compiled": 1}, "inner answers come from the same model"


def test_a_local_weights_file_is_used_and_its_content_tells_the_run(make_study, outputs):
    """The installed weights, saved by Keras itself."""
    row = registry.model_row("efficientnet_lite0")
    network = build.network(row, height=32, width=56, source="offline")
    trunk = keras.Model(network.model.inputs, graph.layer_output(network.model, "features"))
    trunk.save_weights(outputs / "mine.weights.h5")
    one = {"splits": GROUPED, "models": ["efficientnet_lite0"]}
    mine, offline = (
        make_study(name=name, training={"weights": source}, **one)
        for name, source in (("mine", str(outputs / "mine.weights.h5")), ("offline", "offline"))
    )
    for each in (mine, offline):
        grid.run_grid(each, progress=lambda line: None)
    found, expected = (runs.read_predictions(each) for each in (mine, offline))
    assert np.allclose(found["p_mi"], expected["p_mi"], atol=1e-5), "the very weights that are installed"
    assert set(found["weights"]) == {str(outputs / "mine.weights.h5")}
    before = runs.study_runs(mine)[0].key
    trunk.set_weights([w + 0.001 for w in trunk.get_weights()])
    trunk.save_weights(outputs / "mine.weights.h5")
    assert runs.study_runs(mine)[0].key != before


@pytest.mark.parametrize("train_from", ["block7a_expand_conv", "all"])
def test_a_network_fine_tuned_from_a_file_answers_without_that_file_as_its_run_did(
    make_study, outputs, tmp_path, train_from
):
    """What did not learn, batch norms among it, is handed out too."""
    network = build.network(registry.model_row("efficientnet_lite0"), height=32, width=56, source="offline")
    trunk = keras.Model(network.model.inputs, graph.layer_output(network.model, "features"))
    trunk.set_weights([w + 0.01 for w in trunk.get_weights()])
    file = outputs / "other.weights.h5"
    trunk.save_weights(file)
    fine = {"weights": str(file), "train_from": train_from, "epochs": 1}
    study = make_study(name="from-file", models=["efficientnet_lite0"], splits=GROUPED, training=fine)
    run = grid.run_grid(study, progress=lambda line: None)[0]
    assert members.needs_frozen(run) and run.settings.get("norms") == ("kept" if train_from == "all" else None)
    members.write_frozen(run, tmp_path / "frozen.npz")
    pages, answered = prepare.open_study(study), runs.read_predictions(study)
    file.unlink()
    read = members.NetworkMembers(run, [runs.runs_folder(study) / run.name / "weights.npz"], tmp_path / "frozen.npz")
    answered = answered[(answered["run"] == run.name) & (answered["part"] == "test")].head(4)
    pictures = grid.Inputs(study, pages, lambda line: None)
    rows = [pictures.page_rows[page] for page in answered["page_id"]]
    found = read.answers(pictures.arrays("page")[0][0][rows])[0]
    assert found == pytest.approx(answered[list(PROBABILITIES)].to_numpy(), abs=1e-4)


@pytest.mark.slow
def test_memory_does_not_grow_from_run_to_run_over_fifty_runs(make_study, outputs):
    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    after = []  # each run
    many = make_study(models=["efficientnet_lite0"], splits=GROUPED | {"seeds": list(range(25))})
    grid.run_grid(many, progress=lambda line: after.append(resident_mb()) if " s" in line else None)
    assert len(after) >= 50 and after[-1] - after[-41] < 30, (
        f"{after[-41]:.0f} MB after ten runs, {after[-1]:.0f} after"
    )


def test_labels_of_test_pages_cannot_change_an_epoch_or_a_weight(study, tmp_path):
    """Stopping and the choice of an epoch look at the validation part alone."""
    pages, table = prepare.open_study(study), splits.read_splits(study.folder / "splits")
    run = next(r for r in runs.study_runs(study, ["efficientnet_lite0"]) if (r.protocol, r.fold) == ("grouped", 0))
    own = parts.run_parts(run, pages.manifest, table)
    spoiled = dataclasses.replace(own, test=own.test.assign(target=(own.test["target"] + 1) % 4))
    inputs = grid.Inputs(study, pages, lambda line: None)
    arrays, key = inputs.arrays("page")
    found = []
    for name, some in (("as_they_are", own), ("relabelled", spoiled)):
        networks.train(
            [(run, some)], networks.PageInputs(arrays, inputs.page_rows, key), folder=tmp_path / name,
            cache=study.folder / "cache", progress=lambda line: None,
        )  # fmt: skip
        with np.load(tmp_path / name / run.name / "weights.npz") as weights:
            found.append((pd.read_csv(tmp_path / name / run.name / "history.csv"), dict(weights)))
    assert not own.test["target"].equals(spoiled.test["target"])
    pd.testing.assert_frame_equal(found[0][0], found[1][0])
    assert all(np.array_equal(found[0][1][name], found[1][1][name]) for name in found[0][1])
