"""Maps by name: which pixels a model's answer rests on, by six methods and three controls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ecgstudy.explanation import cam, controls, gradients, occlusion, questions
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.explanation.questions import Answer
from ecgstudy.vocabulary import choose


@dataclass(frozen=True)
class Method:
    """What is known of one way to make a map.

    `needs` is what it asks of the model: its spatial map, its gradients, its probabilities, or nothing (a control).
    A signed map is negative where a place speaks against the class.
    """

    name: str
    title: str
    needs: Literal["tap", "gradients", "probabilities", "nothing"]
    signed: bool
    compute: Callable[..., np.ndarray]
    takes: tuple[str, ...] = ()  # of `backdrop` and `seed`
    needs_backdrop: bool = False


def _path(*question: Any, **settings: Any) -> np.ndarray:
    return gradients.integrated_gradients(*question, **settings).maps


def _control(compute: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda answer, pictures, classes, **settings: compute(pictures, **settings)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("gradcam", "Grad-CAM", "tap", False, cam.gradcam),
        Method("gradcam++", "Grad-CAM++", "tap", False, cam.gradcam_plus_plus),
        Method("integrated_gradients", "Integrated gradients", "gradients", True, _path, ("backdrop",)),
        Method("smoothgrad", "SmoothGrad", "gradients", False, gradients.smoothgrad, ("seed",)),
        Method("occlusion", "Occlusion by patch", "probabilities", True, occlusion.occlusion, ("backdrop",)),
        Method("lead_occlusion", "Occlusion by lead", "probabilities", True, occlusion.lead_occlusion, ("backdrop",),
               needs_backdrop=True),
        Method("random", "Random map", "nothing", False, _control(controls.random_map), ("seed",)),
        Method("blur", "Blurred page", "nothing", False, _control(controls.blur_map)),
        Method("edge", "Edges of the page", "nothing", False, _control(controls.edge_map)),
    )
}  # fmt: skip
CONTROLS = tuple(name for name, method in METHODS.items() if method.needs == "nothing")


def serves(answer: Answer, method: str) -> bool:
    """Whether a model gives what a method asks of it, by name."""
    needs = METHODS[choose("method", method, list(METHODS))].needs
    return needs == "nothing" or hasattr(answer, needs)


def explain(
    answer: Answer,
    pictures: np.ndarray,
    classes: Sequence[Any] | np.ndarray,
    *,
    method: str = "gradcam",
    backdrop: Backdrop | None = None,
    seed: int = 0,
    **settings: Any,
) -> np.ndarray:
    """Which pixels speak for a class, in this model's eyes.

    Args:
        answer: a finished run (`es.load_answer`) or any object that gives what the method needs (`questions.Answer`).
        pictures: `(batch, height, width, 3)`, raw pixels of the size that the model reads.
        classes: which class is asked about, for each picture: a name or a number.
        method: one of `METHODS`.
        backdrop: of the pictures (`backdrop.prepare`): where leads are, and their empty paper.
        seed: of SmoothGrad's noise and of the random map.
        settings: of the method: `baseline` (integrated_gradients), `size` (occlusion), `samples` and `noise`
            (smoothgrad), `offset` (gradcam, gradcam++).

    Returns:
        float32 `(batch, height, width)`; positive speaks for the class. `METHODS[method].signed` says whether
        negative values, which speak against it, can occur.

    Raises:
        ValueError: unknown method, a model that can't give what it needs, pictures of another size, or a map that is
            not finite; one line.
    """
    pictures = questions.checked_pictures(answer, pictures)
    maps = raw_maps(answer, pictures, questions.class_indices(classes, len(pictures)), method=method,
                    backdrop=backdrop, seed=seed, **settings)  # fmt: skip
    broken = np.flatnonzero(~np.isfinite(maps).all(axis=(1, 2)))
    if len(broken):
        raise ValueError(f"{method}: the map of picture {broken[0]} is not finite; does the model answer NaN?")
    return maps


def raw_maps(
    answer: Answer, pictures: np.ndarray, classes: np.ndarray, *, method: str,
    backdrop: Backdrop | None = None, seed: int = 0, **settings: Any,
) -> np.ndarray:  # fmt: skip
    """`explain` without its last check: a map may hold NaN, so that a batch can go on without it."""
    row = METHODS[choose("method", method, list(METHODS))]
    if row.needs_backdrop and backdrop is None:
        raise ValueError(f"{method} needs the backdrop of the pictures; `backdrop.prepare` makes it")
    given = {"backdrop": backdrop, "seed": seed}
    return row.compute(answer, pictures, classes, **{name: given[name] for name in row.takes}, **settings)
