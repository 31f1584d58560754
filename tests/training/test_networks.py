"""Fine-tuning in two stages, cached views and fresh ones, through the grid."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.training import epochs, grid, resident, runs

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
