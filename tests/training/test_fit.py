"""One compiled model, many runs: each begins anew, stops by its validation part, and can be taken up again."""

import os
from pathlib import Path

import numpy as np
import pytest

from ecgstudy.models import build, registry
from ecgstudy.study import Recipe
from ecgstudy.training import epochs, parts, prefix, stream
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


def test_a_loss_that_is_no_number_stops_with_what_to_change():
    wild = cnn(learning_rate=1e30)
    wild.begin(0)
    with pytest.raises(ValueError, match=r"loss became (nan|inf) in epoch \d; lower training.learning_rate"):
        wild.fit(TRAIN, STOP, seed=0)


def test_a_frozen_prefix_gives_the_numbers_of_ordinary_training(tmp_path):
    """The oracle is plain Keras: the whole network with `trainable=False` on the backbone, the same batches."""
    network = build.network(registry.model_row("efficientnet_lite0_msa"), height=HEIGHT, width=WIDTH, source="offline")
    learned = build.layers_from(network, "head")
    border = prefix.border(network.model, learned)
    assert len(border) == 3, "one tensor per tapped block"
    kept = prefix.features(network.model.inputs, border, [pictures()], key="k", folder=tmp_path)
    answers = []
    for model, inputs in ((prefix.after(network.model, border), kept), (network.model, [pictures()])):
        each = Trainer(
            model, learned=learned, kept=network.pretrained, inputs=[stream.resident(x) for x in inputs],
            recipe=RECIPE, whole_epochs=len(inputs) > 1,
        )  # fmt: skip
        answers.append(trained(each, 4))
    assert answers[0] == pytest.approx(answers[1], abs=2e-4)


@pytest.mark.slow
def test_memory_does_not_grow_over_fifty_runs(trainer):
    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    for seed in range(10):
        trained(trainer, seed)
    before = resident_mb()
    for seed in range(50):
        trained(trainer, seed)
    assert resident_mb() - before < 30
