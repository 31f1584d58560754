"""What is true of every network: raw pixels in, probabilities out, taps by name, nothing that cannot learn."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgstudy.models import build, graph, registry

NETWORKS = [row for row in registry.MODELS.values() if row.is_network]
HEAVY = ("resnet50", "densenet121", "convnext_tiny", "efficientnet")  # seconds each, in eager mode
ROWS = [
    pytest.param(
        row, id=row.name, marks=[pytest.mark.slow] if row.part_of or (row.backbone in HEAVY and row.neck) else []
    )
    for row in NETWORKS
]
HEIGHT, WIDTH = 64, 96


def small(row: registry.ModelRow, **settings) -> build.Network:
    return build.network(row, height=HEIGHT, width=WIDTH, filters=4, **settings)


def raw_pages(row: registry.ModelRow, pages: int = 4) -> list[np.ndarray]:
    chance = np.random.default_rng(1)
    if row.input == "leads":
        leads = chance.integers(0, 256, (pages, build.LEAD_BOXES, HEIGHT // 2, WIDTH // 2, 3))
        return [leads.astype("float32"), np.ones((pages, build.LEAD_BOXES), "float32")]
    return [chance.integers(0, 256, (pages, HEIGHT, WIDTH, 3)).astype("float32")]


@pytest.mark.parametrize("row", ROWS)
def test_raw_pixels_give_four_probabilities_and_every_weight_has_a_gradient(row):
    network = small(row)
    with tf.GradientTape() as tape:
        answers = network.model(raw_pages(row), training=True)
        loss = -tf.reduce_mean(tf.math.log(answers[:, 0]))
    assert answers.shape == (4, 4) and answers.dtype == tf.float32
    assert np.asarray(answers).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    weights = network.model.trainable_weights
    without = [
        weight.path
        for weight, gradient in zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True)
        if gradient is None or not np.any(np.asarray(gradient))
    ]
    assert not [path for path in without if not _is_a_bias_before_a_norm(path)]
    tap = graph.layer_output(network.model, row.tap)
    assert len(tap.shape) == 4, "a tap is a map"


def _is_a_bias_before_a_norm(path: str) -> bool:
    """ResNet50's convolutions have biases that its batch norms take away again: their gradient is nil."""
    return path.startswith("conv") and path.endswith("_conv/bias")


def test_what_a_network_reads_is_scaled_inside():
    """Pages that differ in brightness alone are told apart: nothing clips or rescales raw pixels before the graph."""
    network = small(registry.model_row("efficientnet_lite0"), source="offline")
    dark, bright = (network.model.predict_on_batch(np.full((1, HEIGHT, WIDTH, 3), v, "float32")) for v in (40, 220))
    assert np.abs(dark - bright).max() > 1e-3


def test_a_picture_that_cannot_be_halved_five_times_is_refused():
    with pytest.raises(ValueError, match="image of 16 x 96 pixels; efficientnet_lite0 needs at least 32 x 32"):
        build.network(registry.model_row("efficientnet_lite0"), height=16, width=96)


def test_training_starts_at_the_head_at_a_layer_or_everywhere():
    network = small(registry.model_row("efficientnet_lite0"))
    head, upper, everything = (build.layers_from(network, start) for start in ("head", "block6a_dwconv", "all"))
    assert "logits" in head and "top_conv" not in head
    assert {"block6a_dwconv", "top_conv", "logits"} <= upper and "block6a_expand_conv" not in upper
    assert head < upper < everything


@pytest.mark.parametrize("start", ["block6a_dwconv", "all"])
def test_pretrained_batch_norms_never_learn_and_random_ones_do(start):
    """Their averages lag behind the weights: a network that knew its pages by heart named over a quarter wrongly."""
    row = registry.model_row("efficientnet_lite0_bottleneck")
    pretrained, fresh = (build.layers_from(small(row, source=source), start) for source in ("offline", "random"))
    assert fresh - pretrained >= {"block6a_bn", "top_bn"}
    assert all(name.endswith("bn") for name in fresh - pretrained)
    assert "bottleneck_bn" in pretrained, "the head's own begins anew"


def test_an_unknown_layer_is_refused_with_those_there_are():
    network = small(registry.model_row("efficientnet_lite0"))
    with pytest.raises(ValueError, match=r"efficientnet_lite0 has no layer 'block9'; its last ones are .*top_conv"):
        build.layers_from(network, "block9")


def test_models_of_one_backbone_share_its_layers():
    rows = [registry.model_row(name) for name in ("efficientnet_lite0", "efficientnet_lite0_msa")]
    one, other = build.networks(rows, height=HEIGHT, width=WIDTH)
    assert one.model.get_layer("block2a_dwconv") is other.model.get_layer("block2a_dwconv")


def test_random_weights_are_the_same_each_time_and_let_signals_through():
    row = registry.model_row("mobilenet")
    first, second = (small(row).model for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    features = keras.Model(first.inputs, graph.layer_output(first, "pooled")).predict_on_batch(raw_pages(row)[0])
    assert 0.01 < features.std() < 100


def test_saved_models_load_in_a_fresh_process_in_safe_mode(tmp_path):
    """Without this package: every layer is Keras' own."""
    names = ("resnet50", "efficientnet_lite0_msa", "efficientnet_lite0_leads")
    expected = {}
    for name in names:
        model = small(registry.model_row(name)).model
        model.save(tmp_path / f"{name}.keras")
        pages = raw_pages(registry.model_row(name), 1)
        np.savez(tmp_path / f"{name}.npz", *pages)
        expected[name] = model.predict_on_batch(pages if len(pages) > 1 else pages[0])[0]
    code = f"""
import keras, numpy as np
for name in {names}:
    model = keras.saving.load_model(f"{tmp_path}/{{name}}.keras", safe_mode=True)
    pages = list(np.load(f"{tmp_path}/{{name}}.npz").values())
    print(name, *model.predict_on_batch(pages if len(pages) > 1 else pages[0])[0])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stderr[-1000:]
    found = {line.split()[0]: [float(x) for x in line.split()[1:]] for line in run.stdout.splitlines()}
    for name in names:
        assert found[name] == pytest.approx(expected[name], abs=1e-5)
