"""A run spread over two devices gives the answers of one device; memory is taken as it is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Two logical CPU devices must be set before TensorFlow is first used: a process of its own.
TWO_DEVICES = """
import json, pathlib, sys
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from ecgstudy.models import build, registry
from ecgstudy.study import Recipe
from ecgstudy.training import devices, prefix, resident, stages
from ecgstudy.training.fit import Examples

targets = np.resize([0, 1, 1, 3, 2, 1, 3, 1], 24)
pictures = np.random.default_rng(0).integers(0, 256, (24, 32, 56, 3)).astype("uint8")
recipe = Recipe(epochs=3, batch_size=8, learning_rate=1e-3, dropout=0.0, train_from=sys.argv[1], ema=0.5)
found = {}
for mirrored in (False, True):
    spread = devices.strategy(mirrored=mirrored)
    with spread.scope():
        row = registry.model_row("efficientnet_lite0")
        network = build.network(row, height=32, width=56, source="offline", dropout=0.0)
    pages = resident.PageInputs([pictures], {}, "pages")
    border = stages.borders(network, recipe)
    cache = pathlib.Path(sys.argv[2]) / str(mirrored)
    values = resident.border_values(network.model.inputs, border, pages, views=0, cache=cache, progress=print)
    with spread.scope():
        trainer = stages.trainer(network, recipe, recipe.train_from, values)
        trainer.begin(1)
        history = trainer.fit(Examples(np.arange(17), targets[:17]), Examples(np.arange(17, 24), targets[17:]), seed=1)
        answers = trainer.probabilities(np.arange(24))
    found[spread.num_replicas_in_sync] = {"answers": answers.tolist(), "loss": history["val_loss"].tolist()}
json.dump(found, open(sys.argv[2] + "/found.json", "w"))
"""


@pytest.mark.parametrize("train_from", ["head", "block7a_expand_conv"])
def test_two_devices_give_the_answers_of_one(tmp_path, train_from):
    """The last batch of an epoch holds a single page, so one device has nothing to learn from it."""
    command = [sys.executable, "-c", TWO_DEVICES, train_from, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(Path(tmp_path / "found.json").read_text())
    one, two = found["1"], found["2"]
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
    for a, b in zip(one["answers"], two["answers"], strict=True):
        assert b == pytest.approx(a, abs=2e-3)
