"""A released model for other programs: TensorFlow SavedModel and LiteRT, one graph from picture to probabilities.

The graph holds the members, their calibration and their mean. What it does not hold: finding the page, refusing
pictures, prediction sets. Whoever uses it has to bring the picture as `release.json` describes it.
"""

import json
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecgstudy import files
from ecgstudy.evaluation.calibration import SMALLEST
from ecgstudy.models import registry
from ecgstudy.release.load import RECORD, Released, check_pictures
from ecgstudy.training.members import NetworkMembers
from ecgstudy.vocabulary import CLASSES, DISCLAIMER, choose

TOLERANCE = 1e-4  # of a probability, between the release and what was exported
FORMATS = ("savedmodel", "litert")
MODEL, README = "model", "model.json"

Say = Callable[[str], None]


def export(
    released: Released, folder: Path, *, formats: Sequence[str] = FORMATS, progress: Say = lambda line: None
) -> list[Path]:
    """Write a released model of networks for other programs, and compare what they answer.

    Args:
        released: the model.
        folder: gets `savedmodel/`, `model.tflite`, and `model.json`, which says what goes in and comes out.
        formats: of `FORMATS`.
        progress: takes a line now and then.

    Returns:
        What was written.

    Raises:
        ValueError: an unknown format, members that are no networks, or an export that answers otherwise.
    """
    wanted = [choose("format", one.strip(), FORMATS) for one in formats]
    if not registry.model_row(released.record["model"]).is_network:
        raise ValueError(
            f"{released.record['model']}: not a network, so without a graph; its numbers lie in {released.folder}"
        )
    import tensorflow as tf

    members = released.members
    assert isinstance(members, NetworkMembers)
    module = tf.Module()
    module.answer = _graph(released, members)
    pictures = _pictures(released)
    expected = released.probabilities(pictures)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if "savedmodel" in wanted:
        progress("writing a SavedModel")
        path = folder / "savedmodel"
        tf.saved_model.save(module, str(path), signatures={"serving_default": module.answer})
        answer = tf.saved_model.load(str(path)).signatures["serving_default"]
        _check(path, answer(pictures=tf.constant(pictures))["probabilities"].numpy(), expected)
        written.append(path)
    if "litert" in wanted:
        progress("converting to LiteRT")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([module.answer.get_concrete_function()], module)
        content = converter.convert()
        path = files.write_atomically(folder / f"{MODEL}.tflite", lambda temporary: temporary.write_bytes(content))
        _check(path, run_litert(path, pictures), expected)
        written.append(path)
    text = json.dumps(_words(released), indent=1)
    written.append(files.write_atomically(folder / README, lambda temporary: temporary.write_text(text + "\n")))
    return written


def run_litert(path: Path, pictures: np.ndarray) -> np.ndarray:
    """What an exported LiteRT file answers to pictures `(pages, height, width, 3)`: `(pages, 4)`."""
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that this reader will move to a package of its own
        interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
    into, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(into["index"], pictures.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(into["index"], np.asarray(pictures, dtype=np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(out["index"])


def _graph(released: Released, members: NetworkMembers) -> Any:
    """Members, calibrators `softmax(log p / temperature + shift)` and mean as one TensorFlow function."""
    import tensorflow as tf

    height, width = released.input_shape
    networks = members.constant()
    calibrators = released.decision.calibrators

    @tf.function(input_signature=[tf.TensorSpec([None, height, width, 3], tf.float32, name="pictures")])
    def answer(pictures: Any) -> dict[str, Any]:
        found = []
        for raw, calibrator in zip(networks(pictures), calibrators, strict=True):
            logits = tf.math.log(tf.clip_by_value(raw, SMALLEST, 1.0)) / calibrator.temperature
            found.append(tf.nn.softmax(logits + tf.constant(calibrator.shift, tf.float32)))
        return {"probabilities": tf.add_n(found) / len(found)}

    return answer


def _pictures(released: Released) -> np.ndarray:
    """Pictures to compare answers on: noise, and paper with some ink."""
    noise = check_pictures(released.record).astype(np.float32)
    paper = np.full_like(noise, 250.0)
    paper[:, ::9, ::5] = 20.0
    return np.concatenate([noise, paper, 255.0 - noise])


def _check(path: Path, answers: np.ndarray, expected: np.ndarray) -> None:
    away = float(np.abs(answers - expected).max())
    if not away <= TOLERANCE:
        raise ValueError(f"{path}: answers {away:.1e} away from the released model, more than {TOLERANCE:.0e}")


def _words(released: Released) -> dict[str, Any]:
    return {
        "model": released.name,
        "input": {"name": "pictures", "shape": [None, *released.input_shape, 3], "type": "float32, RGB, 0 to 255"}
        | {"picture": released.record["picture"]},
        "output": {"name": "probabilities", "classes": list(CLASSES), "meaning": "calibrated, mean of the members"},
        "record": str(RECORD) + " of the released model says how it did and what its files are",
        "measured": {name: own["score"] for name, own in released.record["measured"].items()},
        "disclaimer": DISCLAIMER,
    }
