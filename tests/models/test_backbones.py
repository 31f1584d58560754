"""Our own EfficientNet-B0 is Keras' EfficientNet-B0; weights files of Keras' format find their layers."""

import keras
import numpy as np
import pytest

from ecgstudy.models import backbones, build, registry, weights

SHAPE = (64, 96, 3)


def trunk(name: str) -> keras.Model:
    picture = keras.Input(SHAPE)
    return keras.Model(picture, backbones.backbone(name, picture)["features"])


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, *SHAPE)).astype("float32")


def stirred(model: keras.Model) -> keras.Model:
    """Batch norms with means and variances of their own, so that a mix-up shows."""
    chance = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([w + chance.uniform(0.0, 0.5, w.shape) for w in layer.get_weights()])
    return model


def test_efficientnet_is_keras_own_b0_with_the_same_weights():
    theirs = stirred(keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=SHAPE))
    ours = trunk("efficientnet")
    for layer in ours.layers:
        if layer.weights:
            layer.set_weights(theirs.get_layer(layer.name).get_weights())
    # Keras divides by 255 alone when it loads no ImageNet weights; ours always standardises.
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    fed = ((picture() / 255 - mean) / deviation * 255).astype("float32")
    assert ours.predict_on_batch(picture()) == pytest.approx(theirs.predict_on_batch(fed), abs=1e-4)


def test_convnext_is_keras_own_with_the_same_weights(tmp_path):
    theirs = keras.applications.ConvNeXtTiny(include_top=False, weights=None, input_shape=SHAPE)
    chance = np.random.default_rng(1)  # layer scales of 1e-6 would hide the blocks
    theirs.set_weights([w + chance.normal(0, 0.05, w.shape) for w in theirs.get_weights()])
    theirs.save(tmp_path / "convnext.h5")
    ours = trunk("convnext_tiny")
    weights.load_keras_file(ours, tmp_path / "convnext.h5")
    assert ours.predict_on_batch(picture()) == pytest.approx(theirs.predict_on_batch(picture()), abs=1e-3)


@pytest.mark.parametrize("ending", [".h5", ".weights.h5", ".keras"])
def test_a_file_of_keras_own_format_is_loaded(tmp_path, ending):
    theirs = stirred(keras.applications.MobileNet(include_top=False, weights=None, input_shape=SHAPE))
    path = tmp_path / f"mobilenet{ending}"
    theirs.save_weights(path) if ending == ".weights.h5" else theirs.save(path)
    ours = trunk("mobilenet")
    weights.load(ours, "mobilenet", str(path))
    expected = theirs.predict_on_batch(picture() / 127.5 - 1)
    assert ours.predict_on_batch(picture()) == pytest.approx(expected, abs=1e-4)


def test_keras_b0_files_hold_a_normalisation_that_ours_has_in_its_feed(tmp_path):
    theirs = stirred(keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=SHAPE))
    theirs.save(tmp_path / "b0.h5")
    ours = trunk("efficientnet")
    weights.load_keras_file(ours, tmp_path / "b0.h5")
    expected = theirs.get_layer("block6d_project_conv").get_weights()[0]
    assert np.array_equal(ours.get_layer("block6d_project_conv").get_weights()[0], expected)


@pytest.mark.parametrize("ending", [".h5", ".weights.h5", ".keras"])
def test_the_weights_of_another_model_are_refused(tmp_path, ending):
    path = tmp_path / f"other{ending}"
    other = trunk("plain")
    other.save_weights(path) if ending == ".weights.h5" else other.save(path)
    with pytest.raises(ValueError, match=r"other.*: not the weights of this backbone"):
        weights.load_keras_file(trunk("mobilenet"), path)


@pytest.mark.parametrize("name", ["other.h5", "other.weights.h5", "other.keras", "other"])
@pytest.mark.parametrize("content", [b"", b"not a weights file"])
def test_a_file_of_another_kind_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="not the weights of this backbone"):
        weights.load_keras_file(trunk("plain"), tmp_path / name)


def test_a_missing_weights_file_is_named():
    with pytest.raises(ValueError, match=r"nowhere/mine\.h5: no such file; choose imagenet, offline, random or a file"):
        build.network(registry.model_row("mobilenet"), height=64, width=96, source="nowhere/mine.h5")


def test_weights_that_cannot_be_downloaded_are_named_with_place_and_alternative(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "STORAGE", "http://127.0.0.1:9/")  # nothing listens there
    with pytest.raises(
        ValueError, match=r"no densenet121_.*notop.h5 in .*models and no download .*; put the file there"
    ):
        weights.imagenet_file("densenet121")
