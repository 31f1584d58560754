"""One compiled model, many runs: each begins anew, stops by its validation part, and can be taken up again."""

import numpy as np
import pytest

from ecgstudy.models import build, registry
from ecgstudy.study import Recipe
from ecgstudy.training import devices, epochs, fit, optimizer, parts, stream
from ecgstudy.training.fit import Examples, Trainer

PAGES, HEIGHT, WIDTH = 48, 32, 56
RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=1e-2, patience=2, width=2)
TARGETS = np.resize([0, 1, 1, 3, 2, 1, 3, 1], PAGES)
TRAIN, STOP = Examples(np.arange(32), TARGETS[:32]), Examples(np.arange(32, PAGES), TARGETS[32:])


def pictures() -> np.ndarray:
    """Noise with a dark bar whose place tells the class."""
    made = np.random.default_rng(0).integers(150, 256, (PAGES, HEIGHT, WIDTH, 3)).astype("uint8")
    for page, target in zip(made, TARGETS, strict=True):
        page[:, 14 * target : 14 * target + 10] //= 3
    return made


def cnn(**changes) -> Trainer:
    """A slim CNN, all of which learns."""
    recipe = RECIPE.model_copy(update=changes)
    row = registry.model_row("baseline_cnn")
    network = build.network(row, height=HEIGHT, width=WIDTH, filters=2, mixed_precision=recipe.mixed_precision)
    return Trainer(
        network.model, learned=build.layers_from(network, "all"), kept=frozenset(),
        inputs=[stream.resident(pictures())], recipe=recipe, whole_epochs=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    return cnn()


def trained(trainer: Trainer, seed: int, **how) -> np.ndarray:
    trainer.begin(seed)
    trainer.fit(TRAIN, STOP, seed=seed, **how)
    return trainer.probabilities(STOP.rows)


def test_the_same_seed_gives_the_same_bits_whatever_was_trained_before(trainer):
    first = trained(trainer, 1)
    other = trained(trainer, 2)
    assert np.array_equal(trained(trainer, 1), first) and not np.array_equal(other, first)
    assert np.array_equal(trained(cnn(), 1), first), "another process's model, as good as"


def test_batches_filled_to_one_size_hold_each_page_and_keep_the_mean():
    weights = np.linspace(0.5, 2.0, 13)
    batches = stream.endless(
        [stream.resident(np.arange(13))], np.arange(13), np.eye(4)[np.arange(13) % 4], weights,
        batch_size=5, seed=1, multiple=5,
    )  # fmt: skip
    seen = []
    for x, y, w in batches.take(3):
        rows, real = x.numpy(), w.numpy() > 0
        assert rows.shape == (5,) and set(rows[~real]) <= set(rows[real])
        assert w.numpy().mean() == pytest.approx(weights[rows[real]].mean())
        assert y.numpy().argmax(axis=1).tolist() == (rows % 4).tolist()
        seen += rows[real].tolist()
    assert sorted(seen) == list(range(13))


def test_where_a_gpu_wants_one_size_of_batch_the_answers_are_the_same(trainer, monkeypatch):
    monkeypatch.setattr(devices, "has_gpu", lambda: True)
    wide = cnn()
    for one in (trainer, wide):
        one.begin(5)
    rows = np.array([3, 41, 3, 0])
    assert wide.probabilities(rows) == pytest.approx(trainer.probabilities(rows), abs=1e-6)
    assert wide.probabilities(rows[:0]).shape == (0, 4)
    assert [fit._filled_up(32, replicas) for replicas in (1, 3, 4)] == [32, 33, 32], "no batch grows more than it must"
    history = wide.fit(Examples(np.arange(13), TARGETS[:13]), STOP, seed=5)
    assert np.isfinite(history["loss"]).all()


def test_the_weights_of_the_best_epoch_are_kept(trainer):
    trainer.begin(3)
    table = trainer.fit(TRAIN, STOP, seed=3)
    best = table.loc[table["best"], "val_loss"].item()
    assert best == table["val_loss"].min()
    found, weights = trainer.probabilities(STOP.rows), parts.class_weights(TRAIN.targets)[STOP.targets]
    assert np.average(-np.log(found[np.arange(len(found)), STOP.targets]), weights=weights) == pytest.approx(best)


def test_training_stops_when_validation_does_not_improve():
    never = cnn(learning_rate=1e-12, epochs=50, patience=3)
    never.begin(0)
    assert len(never.fit(TRAIN, STOP, seed=0)) <= 10


@pytest.mark.parametrize("changes", [{}, {"ema": 0.9}, {"schedule": "cosine"}])
def test_a_run_killed_between_epochs_ends_with_the_same_bits(tmp_path, monkeypatch, changes):
    monkeypatch.setattr(epochs, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    killed = cnn(**changes)
    undisturbed = trained(killed, 5)
    with monkeypatch.context() as patch:
        patch.setattr(epochs.Epochs, "_judge", _killed_in(2, epochs.Epochs._judge))
        with pytest.raises(KeyboardInterrupt):
            trained(killed, 5, checkpoint=tmp_path / "run.npz")
    assert (tmp_path / "run.npz").exists()
    assert np.array_equal(trained(cnn(**changes), 5, checkpoint=tmp_path / "run.npz"), undisturbed)
    assert not (tmp_path / "run.npz").exists()


def _killed_in(epoch: int, judge):
    def judged(self, number, loss):
        if number == epoch:
            raise KeyboardInterrupt
        judge(self, number, loss)

    return judged


def test_a_damaged_checkpoint_counts_as_none(tmp_path, trainer):
    (tmp_path / "run.npz").write_bytes(b"half a file")
    assert np.array_equal(trained(trainer, 1, checkpoint=tmp_path / "run.npz"), trained(trainer, 1))


@pytest.mark.parametrize(
    "changes",
    [{"label_smoothing": 0.1}, {"clip_norm": 0.01}, {"ema": 0.9}, {"schedule": "cosine"}, {"class_weights": False}],
)
def test_every_switch_of_the_recipe_changes_the_training(trainer, changes):
    assert not np.array_equal(trained(cnn(**changes), 1), trained(trainer, 1))


def test_mixed_precision_answers_in_float32_and_close_by(trainer):
    half = cnn(mixed_precision=True)
    assert trained(half, 1).dtype == np.float32
    for each in (trainer, half):
        each.begin(1)
    assert half.probabilities(STOP.rows) == pytest.approx(trainer.probabilities(STOP.rows), abs=0.01)


def test_mixed_precision_goes_with_everything_else():
    half = cnn(mixed_precision=True, ema=0.9, clip_norm=1.0, schedule="cosine")
    half.begin(1)
    history = half.fit(TRAIN, STOP, seed=1)
    assert np.isfinite(half.probabilities(STOP.rows)).all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]


def test_an_average_without_memory_is_no_average(trainer):
    """Average over steps with momentum next to nothing is the last step's weights."""
    assert trained(cnn(ema=1e-9), 1) == pytest.approx(trained(trainer, 1), abs=1e-5)


def test_the_average_of_the_weights_is_that_of_the_steps():
    """By hand, with one step per epoch: average = 0.5 average + 0.5 weights."""
    one_batch = {"batch_size": 32, "dropout": 0.0}
    plain, averaged = cnn(**one_batch), cnn(ema=0.5, **one_batch)
    after = [_head(plain, epochs) for epochs in (1, 2, 3)]
    assert _head(averaged, 3) == pytest.approx(0.25 * after[0] + 0.25 * after[1] + 0.5 * after[2], abs=1e-6)


def _head(trainer: Trainer, epochs: int) -> np.ndarray:
    """The last layer's weights after so many epochs."""
    trainer.begin(2)
    trainer.fit(TRAIN, None, seed=2, epochs=epochs)
    return trainer.model.get_layer("logits").get_weights()[0]


def test_gradients_clipped_to_nothing_move_nothing():
    still = cnn(clip_norm=1e-15, weight_decay=0.0)
    still.begin(1)
    before = still.model.get_layer("logits").get_weights()[0]
    still.fit(TRAIN, STOP, seed=1)
    assert still.model.get_layer("logits").get_weights()[0] == pytest.approx(before, abs=1e-6)


def test_smoothed_labels_ask_for_a_little_of_every_class():
    found = np.array([[0.7, 0.1, 0.1, 0.1]], "float32")
    asked = np.array([0.925, 0.025, 0.025, 0.025])
    loss = optimizer.loss(Recipe(label_smoothing=0.1))(np.eye(4, dtype="float32")[:1], found)
    assert float(loss) == pytest.approx(-np.sum(asked * np.log(found)), abs=1e-5)


def test_the_learning_rate_falls_along_a_cosine():
    falling = cnn(schedule="cosine", patience=9)
    falling.begin(0)
    rates = falling.fit(TRAIN, STOP, seed=0)["learning_rate"]
    assert rates.to_numpy() == pytest.approx(1e-2 * 0.5 * (1 + np.cos(np.pi * np.arange(4) / 4)))


def test_a_loss_that_is_no_number_stops_with_what_to_change():
    wild = cnn(learning_rate=1e30)
    wild.begin(0)
    with pytest.raises(ValueError, match=r"loss became (nan|inf) in epoch \d; lower training.learning_rate"):
        wild.fit(TRAIN, STOP, seed=0)
