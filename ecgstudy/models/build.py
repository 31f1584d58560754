"""A row of the registry -> a network: one flat functional graph from raw pixels to four probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ecgstudy.models import backbones, blocks, graph, weights
from ecgstudy.models.registry import ModelRow, weights_source
from ecgstudy.vocabulary import LEADS

LEAD_BOXES = len(LEADS) + 1  # the twelve leads and the rhythm strip
_SEED = 0  # of random first weights: all runs share one frozen random backbone


@dataclass(frozen=True)
class Network:
    """A built model, and what of it is the backbone.

    `model` takes what the row's `input` says; `backbone` holds the names of the layers that a head is put on.
    """

    row: ModelRow
    model: keras.Model
    backbone: frozenset[str]
    weights: str  # where the first weights came from: imagenet, random or a file

    @property
    def pretrained(self) -> frozenset[str]:
        """Layers whose first weights are worth keeping; all others start anew with the seed of a run."""
        return frozenset() if self.weights == "random" else self.backbone


def network(row: ModelRow, **settings: Any) -> Network:
    """One network; see `networks` for the settings."""
    return networks([row], **settings)[0]


def networks(
    rows: Sequence[ModelRow],
    *,
    height: int,
    width: int,
    source: str = "random",
    dropout: float = 0.3,
    filters: int = 32,
    mixed_precision: bool = False,
) -> list[Network]:
    """Networks that share one backbone: built, loaded and held in memory once.

    Args:
        rows: rows of the registry with the same backbone and the same input.
        height: of the page in pixels; a model of `leads` sees each lead box at half of it.
        width: of the page in pixels.
        source: `imagenet`, `offline`, `random`, or the path of a weights file for the backbone.
        dropout: share of the pooled vector that is dropped in training.
        filters: of the first block of `baseline_cnn`.
        mixed_precision: float16 arithmetic with float32 weights and softmax.

    Raises:
        ValueError: the picture is too small, or the weights cannot be had or belong to another model.
    """
    first = rows[0]
    assert all((row.backbone, row.input) == (first.backbone, first.input) for row in rows)
    assert first.backbone is not None, f"{first.name} is not a network"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if mixed_precision else "float32")
    try:
        keras.utils.set_random_seed(_SEED)
        inputs, picture = _leads_input(height, width) if first.input == "leads" else _page_input(height, width)
        maps = backbones.backbone(first.backbone, picture, width=filters)
        trunk = keras.Model(inputs[0], list(maps.values()))
        weights.load(trunk, first.backbone, weights_source(first, source))
        return [_with_head(row, inputs, maps, trunk, source, dropout) for row in rows]
    finally:
        keras.config.set_dtype_policy(before)


def _with_head(row: ModelRow, inputs: list[Any], maps: Any, trunk: keras.Model, source: str, dropout: float) -> Network:
    if row.input == "leads":
        pooled = keras.ops.reshape(blocks.pooled(maps), (-1, LEAD_BOXES, maps["features"].shape[-1]))
        pooled = blocks.lead_attention(pooled, inputs[1])
    elif row.neck == "multi_scale_attention":
        pooled = blocks.multi_scale_attention(maps, blocks=row.blocks)
    elif row.neck is not None:
        pooled = getattr(blocks, row.neck)(maps)
    else:
        pooled = blocks.pooled(maps)
        if row.backbone == "plain":
            pooled = keras.layers.Dense(64, activation="relu", name="dense")(pooled)
    model = keras.Model(inputs, blocks.head(pooled, dropout=dropout), name=row.name)
    trunk_layers = frozenset(layer.name for layer in trunk.layers)
    return Network(row, model, trunk_layers, weights_source(row, source))


def _page_input(height: int, width: int) -> tuple[list[Any], Any]:
    picture = keras.Input((height, width, 3), name="picture")
    return [picture], picture


def _leads_input(page_height: int, page_width: int) -> tuple[list[Any], Any]:
    """Lead boxes are folded into the batch, so that one backbone reads them all."""
    height, width = page_height // 2, page_width // 2
    leads = keras.Input((LEAD_BOXES, height, width, 3), name="leads")
    present = keras.Input((LEAD_BOXES,), name="present")
    return [leads, present], keras.ops.reshape(leads, (-1, height, width, 3))  # (batch * boxes, h, w, 3)


def layers_from(network: Network, train_from: str) -> frozenset[str]:
    """The names of the layers that learn when training starts at `train_from`.

    Args:
        train_from: `head` (all but the backbone), `all`, or the name of a layer: then everything learns that this
            layer's output does not wait for. Pretrained batch norms never learn: thirty pages in a batch are too few to
            estimate anew what a million pictures have settled.

    Raises:
        ValueError: no layer of this name in the backbone; the message names some that there are.
    """
    everything = frozenset(layer.name for layer in network.model.layers)
    if network.row.backbone == "plain":
        return everything
    if train_from == "head":
        return everything - network.backbone
    layers = {layer.name: layer for layer in network.model.layers}
    norms = {name for name, layer in layers.items() if isinstance(layer, keras.layers.BatchNormalization)}
    learning = everything - (norms & network.pretrained)
    if train_from == "all":
        return learning
    if train_from not in network.backbone:
        known = [name for name, layer in layers.items() if name in network.backbone and layer.weights]
        raise ValueError(
            f"train_from: {network.row.name} has no layer {train_from!r}; its last ones are {', '.join(known[-8:])}"
        )
    behind = graph.parents(graph.layer_output(network.model, train_from))
    return learning - {graph.operation(tensor).name for tensor in graph.upstream(behind)}
