"""The frozen prefix is found on the graph, computed once, shared, and never stale."""

import keras
import numpy as np
import pytest

from ecgstudy.models import build, graph, registry
from ecgstudy.training import prefix

PICTURES = np.random.default_rng(0).integers(0, 256, (10, 32, 56, 3)).astype("uint8")


def networks(*names: str, **settings) -> list[build.Network]:
    return build.networks([registry.model_row(name) for name in names], height=32, width=56, **settings)


def border(network: build.Network, train_from: str = "head") -> list:
    return prefix.border(network.model, build.layers_from(network, train_from))


def compute(network: build.Network, folder, tensors=None, pictures=PICTURES, key="k", said=None) -> list[np.ndarray]:
    said = [] if said is None else said
    return prefix.features(
        network.model.inputs, tensors or border(network), [pictures], key=key, folder=folder, progress=said.append
    )


def test_a_plain_model_keeps_one_vector_per_page_and_attention_its_small_maps():
    plain, attentive = networks("efficientnet_lite0", "efficientnet_lite0_msa")
    assert [t.shape for t in border(plain)] == [(None, 1280)]
    assert sorted(t.shape[-1] for t in border(attentive)) == [40, 80, 192]
    assert all(t.shape[1:3] == (1, 2) for t in border(attentive)), "already on the coarsest grid"


def test_nothing_is_kept_when_everything_learns():
    (cnn,) = networks("baseline_cnn")
    assert border(cnn) == list(cnn.model.inputs)
    (lite,) = networks("efficientnet_lite0")
    assert border(lite, "all") == list(lite.model.inputs)


def test_training_from_a_layer_keeps_what_it_reads():
    (lite,) = networks("efficientnet_lite0")
    names = {graph.operation(t).name for t in border(lite, "block7a_expand_conv")}
    assert names == {"block6d_add"}


def test_a_second_call_computes_nothing_and_gives_the_same(tmp_path):
    (lite,) = networks("efficientnet_lite0")
    first, said = compute(lite, tmp_path)[0], []
    assert np.array_equal(compute(lite, tmp_path, said=said)[0], first) and not said
    pooled = keras.Model(lite.model.inputs, graph.layer_output(lite.model, "pooled"))
    assert first == pytest.approx(pooled.predict_on_batch(PICTURES.astype("float32")), abs=1e-5)


def test_models_on_one_backbone_share_what_is_kept_even_when_built_apart(tmp_path):
    (first,), (second,) = networks("efficientnet_lite0"), networks("efficientnet_lite0", dropout=0.5)
    said: list[str] = []
    compute(first, tmp_path)
    compute(second, tmp_path, said=said)
    assert not said


def test_other_weights_other_graphs_and_other_pages_are_not_mistaken(tmp_path):
    (lite,), (loaded,) = networks("efficientnet_lite0"), networks("efficientnet_lite0", source="offline")
    attentive = networks("efficientnet_lite0_msa")[0]
    compute(lite, tmp_path)
    for network, key in ((loaded, "k"), (attentive, "k"), (lite, "other pages")):
        said: list[str] = []
        compute(network, tmp_path, key=key, said=said)
        assert said


DAMAGES = {
    "a flipped byte": lambda content: content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1])
    + content[len(content) // 2 + 1 :],
    "cut off": lambda content: content[: len(content) // 2],
    "its end is missing": lambda content: content[:-1],
    "empty": lambda content: b"",
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A network, the folder with its prefix in three parts, and what it is when whole."""
    (lite,) = networks("efficientnet_lite0")
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix, "SHARD", 4)
        yield lite, folder, compute(lite, folder)[0]


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_part_is_computed_anew(kept, damaged):
    lite, folder, whole = kept
    shards = sorted(folder.rglob("*.npz"))
    assert len(shards) == 3
    shards[1].write_bytes(damaged(shards[1].read_bytes()))
    said: list[str] = []
    assert np.array_equal(compute(lite, folder, said=said)[0], whole) and said == ["frozen prefix: page 4 of 10"]
    assert np.array_equal(compute(lite, folder, said=said)[0], whole) and len(said) == 1
