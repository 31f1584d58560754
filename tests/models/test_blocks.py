"""Attention does what its equation says."""

import keras
import numpy as np
import pytest

from ecgstudy.models import blocks, graph

CHANCE = np.random.default_rng(0)


def maps(**shapes: tuple[int, ...]) -> dict:
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def outputs(inputs: dict, result, *layers: str) -> keras.Model:
    model = keras.Model(list(inputs.values()), result)
    return keras.Model(model.inputs, [graph.layer_output(model, name) for name in layers] + [result])


def test_squeeze_and_excitation_without_learning_halves_every_channel():
    inputs = maps(features=(4, 7, 32))
    result = blocks.squeeze_excite(inputs)
    model = outputs(inputs, result, "se_scaled")
    model.get_layer("se_weights").set_weights([np.zeros((2, 32)), np.zeros(32)])  # sigmoid(0) = 1/2
    x = CHANCE.normal(size=(3, 4, 7, 32)).astype("float32")
    scaled, pooled = model.predict_on_batch(x)
    assert scaled == pytest.approx(x / 2, abs=1e-6)
    assert pooled == pytest.approx(x.mean(axis=(1, 2)) / 2, abs=1e-6)


def test_scale_weights_sum_to_one_and_weigh_the_maps():
    inputs = maps(block3=(16, 28, 40), block4=(8, 14, 80), block6=(4, 7, 192))
    result = blocks.multi_scale_attention(inputs, blocks=(3, 4, 6), width=8)
    model = outputs(inputs, result, "scale_weights", "scale3", "scale4", "scale6", "scales_sum")
    x = [CHANCE.normal(size=(2, *i.shape[1:])).astype("float32") for i in inputs.values()]
    weights, *scales, summed, pooled = model.predict_on_batch(x)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    by_hand = sum(w[:, None, None, None] * scale for w, scale in zip(weights.T, scales, strict=True))
    assert summed == pytest.approx(by_hand, abs=1e-5)
    assert pooled == pytest.approx(by_hand.mean(axis=(1, 2)), abs=1e-5)


def test_pooling_to_the_coarse_grid_commutes_with_the_projection():
    x = CHANCE.normal(size=(1, 16, 28, 40)).astype("float32")
    project, pool = keras.layers.Conv2D(8, 1), keras.layers.AveragePooling2D(4, padding="same")
    assert np.asarray(project(pool(x))) == pytest.approx(np.asarray(pool(project(x))), abs=1e-5)


def test_odd_pictures_come_to_one_grid_too():
    inputs = maps(block3=(5, 9, 40), block4=(3, 5, 80), block6=(2, 3, 192))  # a page of 40 x 72
    result = blocks.multi_scale_attention(inputs, blocks=(3, 4, 6))
    assert result.shape == (None, 128)


def test_one_scale_alone_is_not_weighed():
    inputs = maps(block4=(8, 14, 80))
    model = keras.Model(list(inputs.values()), blocks.multi_scale_attention(inputs, blocks=(4,)))
    assert "scale_weights" not in {layer.name for layer in model.layers}


def test_absent_leads_decide_nothing():
    vectors, present = keras.Input((13, 32)), keras.Input((13,))
    model = outputs({"v": vectors, "p": present}, blocks.lead_attention(vectors, present), "lead_weights")
    x, mask = CHANCE.normal(size=(2, 13, 32)).astype("float32"), np.ones((2, 13), "float32")
    mask[0, 5:] = 0
    weights, summed = model.predict_on_batch([x, mask])
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert np.all(weights[0, 5:] == 0) and np.all(weights[1] > 0)
    assert summed == pytest.approx(np.einsum("bk,bkc->bc", weights, x), abs=1e-5)


def test_the_bottleneck_narrows_and_keeps_the_grid():
    inputs = maps(features=(4, 7, 64))
    model = outputs(inputs, blocks.bottleneck(inputs), "bottleneck")
    spatial, pooled = model.predict_on_batch(CHANCE.normal(size=(2, 4, 7, 64)).astype("float32"))
    assert spatial.shape == (2, 4, 7, 16) and pooled.shape == (2, 16)
