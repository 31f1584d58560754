"""Stages of a training: what learns in each, and what of the network is frozen before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ecgstudy.models import blocks, build
from ecgstudy.study import Recipe
from ecgstudy.training import means, prefix, settings
from ecgstudy.training.fit import Trainer


@dataclass(frozen=True)
class Stage:
    """One stage of a network's training.

    Attributes:
        network: the whole of it.
        recipe: how the stage is trained.
        train_from: where learning begins.
        reads: Keras tensors in the network's graph that learning starts from; its own inputs if nothing is frozen.
        rest: the model from there to the probabilities; its layers are the network's.
    """

    network: build.Network
    recipe: Recipe
    train_from: str
    reads: Sequence[Any]
    rest: keras.Model

    @property
    def is_prefix(self) -> bool:
        """Whether anything is kept: it reads something else than the network's own inputs."""
        return [id(t) for t in self.reads] != [id(t) for t in self.network.model.inputs]

    def trainer(self, values: dict[int, Any]) -> Trainer:
        """What trains the stage.

        Args:
            values: of the tensors that it reads, for all pages, by `id`.
        """
        return Trainer(
            self.rest,
            learned=build.layers_from(self.network, self.train_from),
            kept=self.network.pretrained,
            inputs=[values[id(tensor)] for tensor in self.reads],
            views=1 + self.recipe.cached_views if self.is_prefix else 1,
            recipe=self.recipe,
            whole_epochs=self.is_prefix and self.train_from == "head",
        )


def planned(network: build.Network, recipe: Recipe) -> list[Stage]:
    """The stages of a recipe in their order: the head alone first where it asks for that, then what is to learn.

    Raises:
        ValueError: the model cannot be trained with such random views; the message says what to change.
    """
    settings.check_recipe(network.row, recipe)
    stages = [_stage(network, recipe, recipe.train_from)]
    if recipe.head_epochs > 0 and recipe.train_from != "head":
        first = {"learning_rate": recipe.head_learning_rate, "epochs": recipe.head_epochs}
        stages.insert(0, _stage(network, recipe.model_copy(update=first), "head"))
    if recipe.cached_views and not any(stage.is_prefix for stage in stages):
        raise ValueError(
            f"training.cached_views needs a frozen part, but nothing is kept before {recipe.train_from}; "
            "train from a later layer, or set training.augment instead"
        )
    return stages


def _stage(network: build.Network, recipe: Recipe, train_from: str) -> Stage:
    """Views drawn anew in each step leave no prefix to keep."""
    inputs = list(network.model.inputs)
    reads = inputs if recipe.augment else prefix.border(network.model, build.layers_from(network, train_from))
    rest = prefix.after(network.model, reads)
    if train_from == "head" and network.row.neck in blocks.READ_MEANS and not recipe.augment:
        reads, rest = means.instead_of(reads, rest)
    return Stage(network, recipe, train_from, reads, rest)
