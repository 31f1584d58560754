"""Fold models that answer together: what a study hands out. TensorFlow only where a network is among them."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy import special
from sklearn.pipeline import Pipeline

from ecgstudy.models import registry, simple
from ecgstudy.training.answers import NetworkAnswer
from ecgstudy.training.runs import Run

BATCH = 32


class Members(Protocol):
    """Several models of one kind, each trained on another part of the pages."""

    input_shape: tuple[int, int]  # height, width of a picture in pixels

    def answers(self, pictures: np.ndarray) -> np.ndarray:
        """Raw pictures `(pages, height, width, 3)`, 0 to 255 -> probabilities `(members, pages, 4)`."""


class LinearMembers:
    """Thumbnail models: every pixel of a small grey picture is standardised, then weighed.

    Args:
        arrays: one dictionary per member, as `linear_arrays` gives them.
        input_shape: height and width of the pictures that thumbnails are made of.
    """

    def __init__(self, arrays: Sequence[dict[str, np.ndarray]], input_shape: tuple[int, int]):
        self._arrays, self.input_shape = list(arrays), input_shape

    def answers(self, pictures: np.ndarray) -> np.ndarray:
        """See `Members.answers`."""
        small = simple.thumbnails(checked(pictures, self.input_shape))
        logits = [((small - a["mean"]) / a["scale"]) @ a["weights"].T + a["bias"] for a in self._arrays]
        return special.softmax(np.stack(logits), axis=-1)


def linear_arrays(fitted: Pipeline) -> dict[str, np.ndarray]:
    """A fitted `simple.thumbnail_pipeline` as plain numbers: `mean`, `scale`, `weights`, `bias`.

    Raises:
        ValueError: it has not seen all four classes.
    """
    scaler, linear = fitted["standardscaler"], fitted["logisticregression"]
    if len(linear.classes_) != 4:
        raise ValueError(f"a thumbnail model of {len(linear.classes_)} classes cannot be handed out; it needs all four")
    return {"mean": scaler.mean_, "scale": scaler.scale_, "weights": linear.coef_, "bias": linear.intercept_}


class NetworkMembers:
    """Networks that share all layers but those that learned; the frozen part answers once for all of them.

    Args:
        run: of any member: which network it is, and how it was trained.
        weights: one file per member, as a run keeps them: the layers that learned.
        frozen: file with the layers that did not; without it they come from where the run had them.

    Raises:
        ValueError: a file holds the weights of another model.
    """

    def __init__(self, run: Run, weights: Sequence[Path], frozen: Path | None = None):
        import keras
        import tensorflow as tf

        from ecgstudy.training import networks, prefix

        network, learned = _built(run, frozen)
        self._learning = networks.learning_layers(network.model, learned)
        self._read, self._weights = networks.read_weights, list(weights)
        for path in self._weights:
            self._read(path, self._learning)  # all of them now, so that a wrong file is known before it is asked
        tensors = prefix.border(network.model, learned)
        self.input_shape: tuple[int, int] = network.model.inputs[0].shape[1:3]
        spec = tf.TensorSpec([None, *self.input_shape, 3])
        self._before: Any = None
        if [id(t) for t in tensors] == [id(t) for t in network.model.inputs]:
            self._trunk = tf.function(lambda pictures: [pictures], [spec])
        else:
            trunk = self._before = keras.Model(network.model.inputs[0], tensors)
            self._trunk = tf.function(lambda pictures: tf.nest.flatten(trunk(pictures, training=False)), [spec])
        rest = self._after = prefix.after(network.model, tensors)
        specs = [tf.TensorSpec([None, *tensor.shape[1:]]) for tensor in tensors]
        self._rest = tf.function(lambda *x: rest(list(x) if len(x) > 1 else x[0], training=False), specs)

    def answers(self, pictures: np.ndarray) -> np.ndarray:
        """See `Members.answers`."""
        import tensorflow as tf

        pictures = checked(pictures, self.input_shape)
        starts = range(0, len(pictures), BATCH)
        maps = [self._trunk(tf.constant(pictures[at : at + BATCH].astype("float32"))) for at in starts]
        found = []
        for path in self._weights:
            self._read(path, self._learning)
            found.append(np.concatenate([np.asarray(self._rest(*m)) for m in maps]))
        return np.stack(found).astype("float64")

    def constant(self) -> Callable[[Any], list[Any]]:
        """A function for graphs that are to stand alone: float32 pictures -> each member's probabilities.

        All weights are constants in it, so that whatever holds the graph holds the members.
        """
        import tensorflow as tf

        before = None if self._before is None else _constant(self._before)
        after = []
        for path in self._weights:
            self._read(path, self._learning)
            after.append(_constant(self._after))

        def answer(pictures: Any) -> list[Any]:
            maps = [pictures] if before is None else tf.nest.flatten(before(pictures))
            return [one(maps if len(maps) > 1 else maps[0]) for one in after]

        return answer


def _constant(model: Any) -> Callable[[Any], Any]:
    """A Keras model as it is now, its weights constants."""
    import tensorflow as tf

    learn, keep = ([np.asarray(v) for v in own] for own in (model.trainable_variables, model.non_trainable_variables))

    def call(inputs: Any) -> Any:
        weights = ([tf.constant(value) for value in own] for own in (learn, keep))
        return model.stateless_call(*weights, inputs, training=False)[0]

    return call


def member_answer(run: Run, weights: Path, frozen: Path | None = None) -> NetworkAnswer:
    """One member by itself, with taps and gradients; arguments as for `NetworkMembers`."""
    from ecgstudy.training import networks

    network, learned = _built(run, frozen)
    networks.read_weights(weights, networks.learning_layers(network.model, learned))
    return NetworkAnswer(network.model, network.row.tap or "features")


def frozen_layers(model: Any, learned: frozenset[str]) -> list[Any]:
    """The layers with weights that do not learn, in the order of the graph."""
    return [layer for layer in model.layers if layer.weights and layer.name not in learned]


def write_frozen(run: Run, path: Path) -> None:
    """Keep the layers of a run's network that did not learn, as `NetworkMembers` reads them."""
    from ecgstudy.training import networks

    network, learned = _built(run, None)
    networks.write_weights(path, frozen_layers(network.model, learned))


def needs_frozen(run: Run) -> bool:
    """Whether the layers that did not learn have to be kept: they neither learned nor install from a package."""
    row = registry.model_row(run.model)
    source = registry.weights_source(row, run.recipe.weights)
    if registry.trained_part(row, run.recipe.train_from) == "all" and source == "random":
        return False
    return registry.weights_source(row, "offline") != "imagenet" or source != "imagenet"


def checked(pictures: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pictures, if they are of this size.

    Raises:
        ValueError: they are not.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.shape[1:] != (*shape, 3):
        raise ValueError(f"pictures of shape {pictures.shape}; this model reads (batch, {shape[0]}, {shape[1]}, 3)")
    return pictures


def _built(run: Run, frozen: Path | None) -> tuple[Any, frozenset[str]]:
    """A run's network with its frozen layers as they were, and the names of the layers that learned."""
    from ecgstudy.models import build
    from ecgstudy.training import networks

    network = networks.build_for(run if frozen is None else _begun_at_random(run), [run.model])[0]
    # what learned follows from where the weights came from, not from where they are read now
    network = dataclasses.replace(network, weights=registry.weights_source(network.row, run.recipe.weights))
    learned = build.layers_from(network, run.recipe.train_from)
    if frozen is not None:
        networks.read_weights(frozen, frozen_layers(network.model, learned))
    return network, learned


def _begun_at_random(run: Run) -> Run:
    """The same run with random first weights: they are about to be replaced, so nothing has to be fetched."""
    recipe = run.settings["recipe"] | {"weights": "random"}
    return dataclasses.replace(run, settings=run.settings | {"recipe": recipe})
