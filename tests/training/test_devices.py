"""A run spread over two devices gives the answers of one device; memory is taken as it is needed."""

import subprocess
import sys

import pytest
import tensorflow as tf
import yaml

from ecgstudy.training import devices, grid, runs
from ecgstudy.vocabulary import PROBABILITIES

# Two logical CPU devices must be set before TensorFlow is first used: a process of its own.
TWO_DEVICES = """
import sys
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from ecgstudy.study import Study
from ecgstudy.training import devices, grid

assert devices.strategy(mirrored=True).num_replicas_in_sync == 2
grid.run_grid(Study.load(sys.argv[1]), progress=print)
"""


@pytest.mark.parametrize("train_from", ["head", "block7a_expand_conv"])
def test_two_devices_give_the_answers_of_one(make_study, outputs, train_from):
    """Without dropout, whose masks each device draws for itself; batches of seven do not split evenly."""
    found = []
    for name, mirrored in (("one", False), ("two", True)):
        study = make_study(
            name=name, models=["efficientnet_lite0"], splits={"folds": 2, "validation": 0.25, "protocols": ["grouped"]},
            training={"train_from": train_from, "dropout": 0.0, "learning_rate": 1e-3, "ema": 0.5, "batch_size": 7},
            execution={"mirrored": mirrored},
        )  # fmt: skip
        if mirrored:
            (outputs / "two.yaml").write_text(yaml.safe_dump({"study": study.content}))
            command = [sys.executable, "-c", TWO_DEVICES, str(outputs / "two.yaml")]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-2000:]
        else:
            grid.run_grid(study, progress=lambda line: None)
        found.append(runs.read_predictions(study))
    one, two = found
    assert one["path"].tolist() == two["path"].tolist()
    columns = list(PROBABILITIES)
    assert two[columns].to_numpy() == pytest.approx(one[columns].to_numpy(), abs=2e-3)


def test_a_gpu_gives_its_memory_as_it_is_needed():
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        pytest.skip("no GPU here")
    devices.prepare()
    assert all(tf.config.experimental.get_memory_growth(gpu) for gpu in gpus)
