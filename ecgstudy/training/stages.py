"""Stages of a training: what learns in each, and what of the network is frozen before it."""

from collections.abc import Sequence
from typing import Any

from ecgstudy.models import build
from ecgstudy.study import Recipe
from ecgstudy.training import prefix, settings
from ecgstudy.training.fit import Trainer


def check(network: build.Network, recipe: Recipe) -> None:
    """Refuse random views that would not be seen, now that the network says what of it is frozen.

    Raises:
        ValueError: the model cannot be trained with such views; the message says what to change.
    """
    settings.check_recipe(network.row, recipe)
    if recipe.cached_views and not is_prefix(network, borders(network, recipe)):
        raise ValueError(
            f"training.cached_views needs a frozen part, but nothing is kept before {recipe.train_from}; "
            "train from a later layer, or set training.augment instead"
        )


def has_two(recipe: Recipe) -> bool:
    """Whether the head learns alone first."""
    return recipe.head_epochs > 0 and recipe.train_from != "head"


def border(network: build.Network, recipe: Recipe, train_from: str) -> list[Any]:
    """Where a network's learning part begins; views drawn anew in each step leave no prefix to keep."""
    if recipe.augment:
        return list(network.model.inputs)
    return prefix.border(network.model, build.layers_from(network, train_from))


def borders(network: build.Network, recipe: Recipe) -> list[Any]:
    """The borders of all stages."""
    stages = ("head", recipe.train_from) if has_two(recipe) else (recipe.train_from,)
    return [tensor for stage in stages for tensor in border(network, recipe, stage)]


def trainer(network: build.Network, recipe: Recipe, train_from: str, values: dict[int, Any]) -> Trainer:
    """What trains a stage.

    Args:
        values: of the border tensors for all pages, by `id`.
    """
    tensors = border(network, recipe, train_from)
    on_prefix = is_prefix(network, tensors)
    return Trainer(
        prefix.after(network.model, tensors),
        learned=build.layers_from(network, train_from),
        kept=network.pretrained,
        inputs=[values[id(tensor)] for tensor in tensors],
        views=1 + recipe.cached_views if on_prefix else 1,
        recipe=recipe,
        whole_epochs=on_prefix and train_from == "head",
    )


def is_prefix(network: build.Network, tensors: Sequence[Any]) -> bool:
    """Whether anything is kept: a border that is not the network's own inputs."""
    return [id(t) for t in tensors] != [id(t) for t in network.model.inputs]
