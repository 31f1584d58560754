"""A finished run -> a function that answers pages, with taps and gradients for explanations."""

from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from ecgstudy.models import registry
from ecgstudy.study import Study
from ecgstudy.training import runs
from ecgstudy.training.runs import Run
from ecgstudy.vocabulary import choose

BATCH = 32
Score = Literal["probability", "logit"]


class Answer(Protocol):
    """What an explanation or a robustness test asks; whoever answers it can be explained."""

    input_shape: tuple[int, int]  # height, width of a page in pixels

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Raw pictures `(batch, height, width, 3)`, 0 to 255 -> probabilities `(batch, 4)`."""

    def gradients(self, pictures: np.ndarray, classes: np.ndarray, *, of: Score = "probability") -> np.ndarray:
        """How the score of one class each changes with every pixel value: `(batch, height, width, 3)`."""

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The last map and the gradient of the class logit with respect to it, both `(batch, h, w, channels)`."""


class NetworkAnswer:
    """A trained network that answers.

    Attributes:
        model: the flat Keras graph, raw pixels to probabilities.
        tap_name: the layer that `tap` reads.
        input_shape: height and width of a page in pixels.
    """

    def __init__(self, model: Any, tap_name: str):
        import keras
        import tensorflow as tf

        from ecgstudy.models import graph

        self.model, self.tap_name = model, tap_name
        self.input_shape: tuple[int, int] = model.inputs[0].shape[1:3]
        tap, logits = (graph.layer_output(model, name) for name in (tap_name, "logits"))
        taps = keras.Model(model.inputs[0], [tap, logits])
        after_tap = keras.Model(tap, logits)
        spec = tf.TensorSpec([None, *self.input_shape, 3])
        classes = tf.TensorSpec([None], tf.int32)

        def gradients(pictures: Any, chosen: Any, of_logit: Any) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(pictures)
                scores = taps(pictures, training=False)[1]
                scores = tf.where(of_logit, scores, tf.nn.softmax(scores))
                score = tf.gather(scores, chosen, batch_dims=1)
            return score, tape.gradient(score, pictures)

        def tapped(pictures: Any, chosen: Any) -> Any:
            activations = taps(pictures, training=False)[0]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(activations)
                score = tf.gather(after_tap(activations, training=False), chosen, batch_dims=1)
            return activations, tape.gradient(score, activations)

        self._probabilities = tf.function(lambda pictures: model(pictures, training=False), [spec])
        self._gradients = tf.function(gradients, [spec, classes, tf.TensorSpec([], tf.bool)])
        self._tapped = tf.function(tapped, [spec, classes])

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """See `Answer.probabilities`."""
        return self._in_batches(lambda p: (self._probabilities(p),), self._checked(pictures))[0]

    def gradients(self, pictures: np.ndarray, classes: np.ndarray, *, of: Score = "probability") -> np.ndarray:
        """See `Answer.gradients`; `of="logit"` takes the score before the softmax.

        Raises:
            ValueError: another kind of score, or pictures of another size.
        """
        logit = choose("score", of, ("probability", "logit")) == "logit"
        checked = self._checked(pictures)
        return self._in_batches(lambda p, c: self._gradients(p, c, logit)[1:], checked, _numbers(classes))[0]

    def scored_gradients(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each picture's class, `(batch,)`, and its gradients as `gradients` gives them."""
        asked = self._checked(pictures), _numbers(classes)
        scores, slopes = self._in_batches(lambda p, c: self._gradients(p, c, False), *asked)
        return scores, slopes

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Answer.tap`."""
        activations, gradients = self._in_batches(self._tapped, self._checked(pictures), _numbers(classes))
        return activations, gradients

    def _checked(self, pictures: np.ndarray) -> np.ndarray:
        pictures = np.asarray(pictures)
        if pictures.ndim != 4 or pictures.shape[1:] != (*self.input_shape, 3):
            raise ValueError(f"pictures of shape {pictures.shape}; this model reads (batch, *{self.input_shape}, 3)")
        return pictures

    @staticmethod
    def _in_batches(ask: Any, *arrays: np.ndarray) -> list[np.ndarray]:
        """Ask in small batches, so that a hundred views of a page fit into memory."""
        starts = range(0, len(arrays[0]), BATCH)
        answers = [ask(*(_tensor(array[at : at + BATCH]) for array in arrays)) for at in starts]
        return [np.concatenate([np.asarray(part, "float32") for part in parts]) for parts in zip(*answers, strict=True)]


def load_answer(study: Study, run: Run) -> NetworkAnswer:
    """A finished run as a function that answers.

    Args:
        study: whose run it is.
        run: one of `study_runs(study)`.

    Raises:
        ValueError: the run is not finished, or its model is not a network that reads pages.
    """
    row = registry.model_row(run.model)
    folder = runs.runs_folder(study) / run.name
    if not runs.is_finished(folder):
        raise ValueError(f"{run.name}: not finished; `es.run_grid(study, [{run.model!r}])` trains it")
    if not row.is_network or row.input != "page":
        raise ValueError(f"{run.model}: reads {row.input}, not the pixels of a page; choose a network")
    return NetworkAnswer(load_model(folder, run), row.tap or "features")


def load_model(folder: Path, run: Run) -> Any:
    """The Keras model of a finished run: built anew, with the weights that the run learned."""
    from ecgstudy.models import build
    from ecgstudy.training import networks

    network = networks.build_for(run, [run.model])[0]
    learned = build.layers_from(network, run.recipe.train_from)
    networks.read_weights(folder / "weights.npz", networks.learning_layers(network.model, learned))
    return network.model


def _numbers(classes: np.ndarray) -> np.ndarray:
    return np.asarray(classes, dtype="int32")


def _tensor(array: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.constant(array if array.dtype == np.int32 else array.astype("float32"))
