"""One model on one split after another: compiled once, begun anew for each run, resumable within a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from ecgstudy import files
from ecgstudy.models import graph
from ecgstudy.study import Recipe
from ecgstudy.training import devices, optimizer, parts, stream
from ecgstudy.training.epochs import Epochs
from ecgstudy.vocabulary import CLASSES

ANSWER_BATCH = 64


@dataclass(frozen=True)
class Examples:
    """What a model learns from or stops on: a page and a class each.

    Attributes:
        rows: int, which row of the inputs shows the page, shape `(examples,)`.
        targets: int, number of the class, shape `(examples,)`.
    """

    rows: np.ndarray
    targets: np.ndarray


class Trainer:
    """A compiled network that is trained many times.

    Args:
        model: from `inputs` to probabilities: a whole network, or what comes after its frozen prefix.
        learned: names of the layers that learn.
        kept: names of those whose first weights stay (pretrained ones); all others begin anew with each seed.
        inputs: one resident tensor per model input, a row per distinct page (and view).
        recipe: how it is trained.
        views: rows of the inputs per page, one after another; the first is the page itself, and what is answered.
        whole_epochs: run each epoch as one graph call, which pays off where a step takes a millisecond.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        learned: frozenset[str],
        kept: frozenset[str],
        inputs: Sequence[tf.Tensor],
        recipe: Recipe,
        whole_epochs: bool,
        views: int = 1,
    ):
        self.model, self.inputs, self.recipe = model, list(inputs), recipe
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self._whole_epochs = whole_epochs and replicas == 1  # TensorFlow cannot spread such a loop
        self._one_size = devices.has_gpu()
        self._multiple = _filled_up(recipe.batch_size, replicas) if self._one_size else replicas
        self._views = views
        self._epoch_functions: dict[int, Any] = {}  # steps -> traced function of one epoch
        self.learned = [layer for layer in model.layers if layer.weights and layer.name in learned]
        self._fresh = [layer for layer in self.learned if layer.name not in kept]
        self._first = {id(layer): layer.get_weights() for layer in self.learned}
        self._names = learned
        self._set_trainable()
        model.compile(
            optimizer.optimizer(recipe), optimizer.loss(recipe), weighted_metrics=["accuracy"], jit_compile=False
        )
        model.optimizer.build(model.trainable_variables)
        self._first_optimizer = [variable.numpy() for variable in model.optimizer.variables]
        specs = [tf.TensorSpec([None, *values.shape[1:]]) for values in self.inputs]
        self._answer = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False), specs)

    def _set_trainable(self) -> None:
        """Before every fit: another trainer may share these layers, and Keras looks when it traces."""
        for layer in self.model.layers:
            layer.trainable = layer.name in self._names

    def begin(self, seed: int) -> None:
        """Weights, optimizer and dropout as they are before the first step of a run with this seed."""
        keras.utils.set_random_seed(seed)
        for layer in self.learned:
            layer.set_weights(_new_weights(layer, seed) if layer in self._fresh else self._first[id(layer)])
        for variable, value in zip(self.model.optimizer.variables, self._first_optimizer, strict=True):
            variable.assign(value)
        for layer in self.model.layers:
            if getattr(layer, "seed_generator", None) is not None:
                layer.seed_generator.state.assign(np.array([_layer_seed(layer, seed), 0], "uint32"))

    def fit(
        self,
        train: Examples,
        validation: Examples | None,
        *,
        seed: int,
        epochs: int | None = None,
        checkpoint: Path | None = None,
    ) -> pd.DataFrame:
        """Train from where `begin` left the model; it ends with the weights of its best epoch.

        Args:
            train: what to learn from.
            validation: what to stop on; without it all `epochs` are run and the last weights stay.
            seed: of the order of the pages.
            epochs: at most so many; the recipe's by default.
            checkpoint: a file for what a killed run needs to go on; removed at the end.

        Returns:
            One row per epoch: `epoch, loss, accuracy, val_loss, val_accuracy`, and `best`, true once.

        Raises:
            ValueError: the loss is not a number any more.
        """
        weights = self._weights(train.targets)
        watch = Epochs(
            self._validation(validation, weights), self.recipe, epochs or self.recipe.epochs, checkpoint=checkpoint
        )
        first = watch.restore(self.model)
        if first < watch.epochs and not watch.stopped:
            steps = stream.steps_per_epoch(len(train.rows), self.recipe.batch_size)
            batches = stream.endless(
                self.inputs, train.rows, self._one_hot(train.targets), weights[train.targets],
                batch_size=self.recipe.batch_size, seed=seed, first_epoch=first, views=self._views,
                augment=self.recipe.augment, multiple=self._multiple,
            )  # fmt: skip
            self._set_trainable()
            self._use_function_for(steps)
            self.model.fit(
                batches, steps_per_epoch=steps, initial_epoch=first, epochs=watch.epochs, verbose=0, shuffle=False,
                callbacks=[*optimizer.schedule(self.recipe), watch],
            )  # fmt: skip
            self._epoch_functions[self.model.steps_per_execution] = self.model.train_function
        watch.finish(self.model)
        return watch.table()

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Answers for rows of the inputs, shape `(len(rows), 4)`; a page that stands twice is answered once."""
        return self._ask(self._answer, rows)

    def layer_values(self, layer: str, rows: np.ndarray) -> np.ndarray:
        """What a layer gives for rows of the inputs, shape `(len(rows), ...)`."""
        part = keras.Model(self.model.inputs, graph.layer_output(self.model, layer))
        return self._ask(lambda *x: part(list(x) if len(x) > 1 else x[0], training=False), rows)

    def _ask(self, function: Any, rows: np.ndarray) -> np.ndarray:
        distinct, where = np.unique(rows, return_inverse=True)
        asked = np.resize(distinct, _filled_up(len(distinct), ANSWER_BATCH)) if self._one_size else distinct
        starts = range(0, len(asked), ANSWER_BATCH)
        answers = [function(*self._gather(self._views * asked[at : at + ANSWER_BATCH])) for at in starts]
        return np.concatenate(answers)[where] if answers else np.zeros((0, len(CLASSES)))

    def _gather(self, rows: np.ndarray) -> list[tf.Tensor]:
        with tf.device("CPU:0"):
            return [tf.cast(tf.gather(values, rows), tf.float32) for values in self.inputs]

    def _validation(self, examples: Examples | None, weights: np.ndarray) -> Any:
        """A function that gives loss and accuracy on the validation part, weighed by class as in training."""
        if examples is None:
            return None

        def score() -> dict[str, float]:
            found = self.probabilities(examples.rows)
            right = np.clip(found[np.arange(len(found)), examples.targets], 1e-7, 1.0)
            loss = np.average(-np.log(right), weights=weights[examples.targets])
            return {"val_loss": float(loss), "val_accuracy": float(np.mean(found.argmax(axis=1) == examples.targets))}

        return score

    def _use_function_for(self, steps: int) -> None:
        """Keras fixes the number of steps when it traces; keep one traced function for each number that occurs."""
        self.model.steps_per_execution = steps if self._whole_epochs else 1
        self.model.train_function = self._epoch_functions.get(self.model.steps_per_execution)

    def _weights(self, targets: np.ndarray) -> np.ndarray:
        return parts.class_weights(targets) if self.recipe.class_weights else np.ones(len(CLASSES))

    @staticmethod
    def _one_hot(targets: np.ndarray) -> np.ndarray:
        return np.eye(len(CLASSES), dtype="float32")[targets]


def _filled_up(rows: int, multiple: int) -> int:
    """The next multiple: so many rows fill whole batches, or as many for each replica."""
    return stream.steps_per_epoch(rows, multiple) * multiple


def _layer_seed(layer: keras.Layer, seed: int) -> int:
    """A seed of the layer's own, so that its numbers do not depend on which graph it stands in."""
    return int(files.content_hash(str(seed), layer.name)[:8], 16)


def _new_weights(layer: keras.Layer, seed: int) -> list[np.ndarray]:
    """What the layer's own initializers draw from this seed."""
    keras.utils.set_random_seed(_layer_seed(layer, seed))
    fresh = type(layer).from_config(layer.get_config())
    fresh.build_from_config(layer.get_build_config())
    return fresh.get_weights()
