"""The same question to an independent program: tf-explain 0.3.1, and where the two differ.

The only file of this room that needs TensorFlow, and only when one of its functions is called. tf-explain is asked
through its inner methods: its `explain()` returns one coloured picture, and its search for a layer fails on Keras 3.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.explanation import agreement, cam, gradients, maps, questions
from ecgstudy.vocabulary import CLASSES

_LOGITS = "logits"  # the layer before the softmax
_PATCH = 32  # pixels


def gradcam_agreement(answer: Any, pictures: np.ndarray, classes: np.ndarray) -> pd.DataFrame:
    """Grad-CAM of tf-explain and ours on the same layer, before either is enlarged.

    Args:
        answer: a network's answer, with its Keras model in `.model` and its layer in `.tap_name`.
        pictures: `(batch, height, width, 3)`.
        classes: one for each picture.

    Returns:
        One row per picture: `picture, label`, then Spearman's correlation over the cells of the layer:
        `rank_correlation` where both ask for the class's logit, `of_probability` where tf-explain asks for the
        probability as it does by default, `guided` with its guided gradients, which it switches on by default.
    """
    numbers = questions.class_indices(classes, len(pictures))
    pictures = questions.checked_pictures(answer, pictures)
    ours = cam.coarse_gradcam(*questions.tap(answer, pictures, numbers))
    logits, whole = _up_to(answer.model, _LOGITS), answer.model
    asked = {"rank_correlation": (logits, False), "of_probability": (whole, False), "guided": (logits, True)}
    columns = {}
    for name, (model, guided) in asked.items():
        pairs = zip(pictures, numbers, strict=True)
        theirs = np.stack([_their_gradcam(model, answer.tap_name, *pair, guided=guided) for pair in pairs])
        columns[name] = agreement.rank_correlations(ours, theirs, grain=1)
    labels = [CLASSES[number] for number in numbers]
    return pd.DataFrame({"picture": np.arange(len(pictures)), "label": labels, **columns})


def gradient_differences(answer: Any, pictures: np.ndarray, classes: np.ndarray, *, steps: int = 32) -> pd.DataFrame:
    """Integrated gradients of tf-explain and ours, both from a black page, as tf-explain has no other baseline.

    tf-explain leaves out the factor (picture - baseline): its maps do not add up to the score, and the black of the
    trace, which does not differ from a black page, gets a part in them. With the factor put in they are ours.

    Returns:
        One row per picture: `difference` (score of the page less score of a black page: what a map should sum to),
        `our_sum`, `their_sum`, `their_sum_with_factor`, and `rank_correlation` of ours with theirs after the factor,
        over single pixels.
    """
    numbers = questions.class_indices(classes, len(pictures))
    pictures = questions.checked_pictures(answer, pictures)
    black = np.zeros(pictures.shape[1:], np.float32)
    ours = gradients.integrated_gradients(answer, pictures, numbers, baseline=black, most_steps=steps)
    theirs = [their_gradients(answer, *pair, steps=steps) for pair in zip(pictures, numbers, strict=True)]
    sums = np.stack(theirs).sum(axis=(1, 2, 3))
    with_factor = (np.stack(theirs) * pictures).sum(axis=-1)
    columns = {
        "difference": ours.differences,
        "our_sum": ours.maps.sum(axis=(1, 2)),
        "their_sum": sums,
        "their_sum_with_factor": with_factor.sum(axis=(1, 2)),
        "rank_correlation": agreement.rank_correlations(ours.maps, with_factor, grain=1),
    }
    return pd.DataFrame({"picture": np.arange(len(pictures)), **columns})


def occlusion_differences(height: int, width: int, *, patch: int = _PATCH) -> pd.DataFrame:
    """Occlusion of tf-explain and ours on pictures of one size, with models that each read one place alone.

    tf-explain walks over the height where it means the width, so on a page that is wider than high the right part is
    never hidden, and the map comes back on its side.

    Returns:
        One row per program: `program`, `shape` of the map, `hidden` (share of the page that is ever hidden), and
        `found` (in how many of the places that a model can read the map has its peak there).
    """
    from tf_explain.core.occlusion_sensitivity import OcclusionSensitivity

    places = [(y, x) for y in range(patch // 2, height, patch) for x in range(patch // 2, width, patch)]
    readers = [_Reader((height, width), place) for place in places]
    theirs = [OcclusionSensitivity().get_sensitivity_map(reader, reader.picture, 0, patch) for reader in readers]
    ours = [
        maps.explain(reader, reader.picture[None], [0], method="occlusion", size=patch)[0]  # type: ignore[arg-type]
        for reader in readers
    ]
    rows = [
        ("tf-explain", theirs[0].shape, readers[0].hidden.mean(), _found(theirs, places)),
        ("ecgstudy", ours[0].shape, 1.0, _found(ours, places)),
    ]
    return pd.DataFrame(rows, columns=["program", "shape", "hidden", "found"])


class _Reader:
    """A model whose only reason is one pixel, the brightest of its picture: it answers how bright that is."""

    def __init__(self, shape: tuple[int, int], place: tuple[int, int]) -> None:
        self.input_shape, self.place = shape, place
        self.picture = np.full((*shape, 3), 200.0, np.float32)
        self.picture[place] = 255
        self.hidden = np.zeros(shape, dtype=bool)

    def predict(self, pictures: np.ndarray, batch_size: int | None = None) -> np.ndarray:
        """What tf-explain calls; remembers which pixels it hid."""
        self.hidden |= (pictures != self.picture).any(axis=(0, 3))
        return self.probabilities(pictures)

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """See `questions.Answer`."""
        brightness = pictures[:, self.place[0], self.place[1], 0] / 255
        return np.stack([brightness, 1 - brightness, 0 * brightness, 0 * brightness], axis=1)


def _found(heats: list[np.ndarray], places: list[tuple[int, int]]) -> float:
    """Share of the places that stand near the top of their own map."""
    hits = [
        place[0] < heat.shape[0]
        and place[1] < heat.shape[1]
        and heat[place] - heat.min() > 0.9 * (heat.max() - heat.min())
        for heat, place in zip(heats, places, strict=True)
    ]
    return float(np.mean(hits))


def their_gradients(answer: Any, picture: np.ndarray, number: int, *, steps: int) -> np.ndarray:
    """tf-explain's integrated gradients of one picture, `(height, width, 3)`."""
    from tf_explain.core.integrated_gradients import IntegratedGradients

    way = IntegratedGradients.generate_interpolations(picture[None], steps)
    # float32, or tf-explain's own function would be traced for float64 pictures that the network does not read
    found = IntegratedGradients.get_integrated_gradients(way.astype(np.float32), answer.model, int(number), steps)
    return np.asarray(found)[0]


def their_occlusion(answer: Any, picture: np.ndarray, number: int, *, patch: int) -> np.ndarray:
    """tf-explain's occlusion of one picture, which hides a square of it alone, as high as it is."""
    from tf_explain.core.occlusion_sensitivity import OcclusionSensitivity

    return OcclusionSensitivity().get_sensitivity_map(answer.model, picture, int(number), patch)


def _their_gradcam(model: Any, layer: str, picture: np.ndarray, number: int, *, guided: bool) -> np.ndarray:
    from tf_explain.core.grad_cam import GradCAM

    with _nested_input():
        found = GradCAM.get_gradients_and_filters(model, picture[None], layer, int(number), guided)
    return np.asarray(GradCAM.generate_ponderated_output(*found)[0])


def _up_to(model: Any, layer: str) -> Any:
    """The model that ends at a layer of this one."""
    return type(model)(model.inputs, model.get_layer(layer).output)


@contextmanager
def _nested_input() -> Iterator[None]:
    """tf-explain wraps the model's inputs into one list too many; Keras warns and goes on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match", category=UserWarning)
        yield
