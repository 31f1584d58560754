"""What an explanation asks of a model: probabilities, gradients, and a map somewhere inside. No framework here.

Questions go out in batches of a few fixed sizes, so that a compiled model is traced once and not once per picture.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from ecgstudy.vocabulary import CLASSES

BATCHES = (16, 4, 1)
_AT_ONCE = 2 * BATCHES[0]  # changed pages that are held

Score = Literal["probability", "logit"]


class Answer(Protocol):
    """A model that answers: a finished run (`es.load_answer`), or any function of one's own."""

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the pictures that it reads."""
        ...

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """`(batch, height, width, 3)` raw pixels, 0 to 255 -> `(batch, 4)`."""
        ...

    def gradients(self, pictures: np.ndarray, classes: np.ndarray, *, of: Score = "probability") -> np.ndarray:
        """How the score of each picture's class changes with each pixel: `(batch, height, width, 3)`."""
        ...

    def tap(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The last spatial map and the gradient of the class's logit in it: `(batch, h, w, channels)` each."""
        ...


@runtime_checkable
class ScoredAnswer(Protocol):
    """A model that gives a score and its gradients in one pass, which takes two thirds of the time of two."""

    def scored_gradients(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each picture's class, `(batch,)`, and how it changes with each pixel, as `gradients`."""
        ...


def class_indices(classes: Sequence[Any] | np.ndarray, pictures: int) -> np.ndarray:
    """Classes as numbers, one for each picture, int `(pictures,)`.

    Args:
        classes: numbers or names of `vocabulary.CLASSES`.
        pictures: how many pictures there are.

    Raises:
        ValueError: unknown class, or not one class for each picture.
    """
    numbers = np.array([CLASSES.index(c) if c in CLASSES else c for c in classes], dtype=object)
    if not all(isinstance(n, int | np.integer) and 0 <= n < len(CLASSES) for n in numbers):
        raise ValueError(f"unknown class among {list(classes)}; choose from {', '.join(CLASSES)}, or numbers from 0")
    if len(numbers) != pictures:
        raise ValueError(f"{len(numbers)} classes for {pictures} pictures; give one class for each picture")
    return numbers.astype(int)


def checked_pictures(answer: Answer, pictures: np.ndarray) -> np.ndarray:
    """Pictures as float32, of the size that the model reads.

    Raises:
        ValueError: another shape; the message has both.
    """
    pictures = np.asarray(pictures)
    wanted = (*answer.input_shape, 3)
    if pictures.ndim != 4 or pictures.shape[1:] != wanted:
        raise ValueError(f"pictures of shape {pictures.shape}; this model reads (batch, {', '.join(map(str, wanted))})")
    return pictures.astype(np.float32)


def probabilities(answer: Answer, pictures: np.ndarray) -> np.ndarray:
    """`(pictures, 4)` for any number of pictures."""
    return _in_batches(lambda part: (answer.probabilities(part),), pictures)[0]


def scores(answer: Answer, pictures: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The probability of each picture's own class, `(pictures,)`."""
    return probabilities(answer, pictures)[np.arange(len(pictures)), classes]


def scores_of_many(answer: Answer, pictures: Iterable[np.ndarray], classes: np.ndarray) -> np.ndarray:
    """What `scores` gives, for more pictures than fit into memory.

    Full batches alone are fast, so the changed copies of all pages go in one stream.

    Args:
        answer: any model.
        pictures: one after the other, `(height, width, 3)` each; taken as they are needed.
        classes: int `(pictures,)`.
    """
    coming, found = iter(pictures), [np.zeros(0, np.float32)]
    for start in range(0, len(classes), _AT_ONCE):
        part = np.stack(list(itertools.islice(coming, _AT_ONCE))).astype(np.float32, copy=False)
        found.append(scores(answer, part, classes[start : start + _AT_ONCE]))
    return np.concatenate(found)


def gradients(answer: Answer, pictures: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How the probability of each picture's class changes with each pixel, `(pictures, height, width, 3)`."""
    _need(answer, "gradients")
    return _in_batches(lambda part, which: (answer.gradients(part, which, of="probability"),), pictures, classes)[0]


def scored_gradients(answer: Answer, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `scores` and `gradients` give, in one pass where the model can (`ScoredAnswer`), else in two."""
    if isinstance(answer, ScoredAnswer):
        found, slopes = _in_batches(lambda part, which: answer.scored_gradients(part, which), pictures, classes)
        return found, slopes
    return scores(answer, pictures, classes), gradients(answer, pictures, classes)


def tap(answer: Answer, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last spatial map and the gradient of the class's logit in it, `(pictures, h, w, channels)` each.

    Raises:
        ValueError: the model has no spatial map, so no method that needs one can explain it.
    """
    _need(answer, "tap")
    activations, slopes = _in_batches(lambda part, which: answer.tap(part, which), pictures, classes)
    if activations.ndim != 4 or activations.shape != slopes.shape or len(activations) != len(pictures):
        raise ValueError(f"this model has no spatial map (got {activations.shape}); use occlusion or lead_occlusion")
    return activations, slopes


def _need(answer: Answer, question: str) -> None:
    if not hasattr(answer, question):
        raise ValueError(f"{type(answer).__name__} cannot give its {question}; use occlusion or lead_occlusion")


def _in_batches(ask: Callable[..., tuple[np.ndarray, ...]], *columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ask about all rows of `columns`, in batches of the sizes in `BATCHES` alone, the largest that fits first."""
    answers: list[tuple[np.ndarray, ...]] = []
    start, count = 0, len(columns[0])
    while start < count:
        size = next(size for size in BATCHES if size <= count - start)
        answers.append(tuple(map(np.asarray, ask(*(column[start : start + size] for column in columns)))))
        start += size
    return tuple(np.concatenate(parts) for parts in zip(*answers, strict=True))
