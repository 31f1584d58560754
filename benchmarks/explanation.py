"""Maps, against tf-explain's inner methods (its `explain` also colours a picture).

`python -m benchmarks.explanation ours` makes all maps of one side in a new process and prints the seconds of each.
"""

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from benchmarks import measure
from benchmarks.measure import REPEATS, Row, against, noted, ratio_of, seconds

HEIGHT, WIDTH, PAGES, STEPS, PATCH = 128, 224, 8, 32, 32
METHODS = ("gradcam", "integrated_gradients", "occlusion")
ABOUT = f"{PAGES} pages, four classes, EfficientNet-Lite0, {HEIGHT} x {WIDTH}"


def shown() -> tuple[np.ndarray, np.ndarray]:
    """Eight pictures of noise and a class for each."""
    pictures = np.random.default_rng(0).integers(0, 256, (PAGES, HEIGHT, WIDTH, 3)).astype(np.float32)
    return pictures, np.arange(PAGES) % 4


def network():
    """What is explained."""
    from ecgstudy.models import build, registry
    from ecgstudy.training.answers import NetworkAnswer

    row = registry.model_row("efficientnet_lite0")
    return NetworkAnswer(build.network(row, height=HEIGHT, width=WIDTH).model, row.tap or "features")


def ours(answer) -> dict[str, Callable[[], object]]:
    """Each method as a function that makes the maps of all pages at once, with as many steps as theirs."""
    from ecgstudy.explanation import gradients, maps

    pictures, classes = shown()
    black = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    path = {"baseline": black, "tolerance": 0, "most_steps": STEPS}
    return {
        "gradcam": lambda: maps.explain(answer, pictures, classes, method="gradcam"),
        "integrated_gradients": lambda: gradients.integrated_gradients(answer, pictures, classes, **path),
        "occlusion": lambda: maps.explain(answer, pictures, classes, method="occlusion", size=PATCH),
    }


def theirs(answer) -> dict[str, Callable[[], object]]:
    """The same by tf-explain, page by page, as it works."""
    from ecgstudy.explanation import crosscheck

    pictures, classes = shown()
    logits = crosscheck._up_to(answer.model, "logits")
    one = {
        "gradcam": lambda p, c: crosscheck._their_gradcam(logits, answer.tap_name, p, c, guided=False),
        "integrated_gradients": lambda p, c: crosscheck.their_gradients(answer, p, c, steps=STEPS),
        "occlusion": lambda p, c: crosscheck.their_occlusion(answer, p, c, patch=PATCH),
    }
    return {
        method: lambda ask=ask: [ask(p, int(c)) for p, c in zip(pictures, classes, strict=True)]
        for method, ask in one.items()
    }


SIDES = {"ours": ours, "theirs": theirs}


def maps_of_pages() -> list[Row]:
    """Grad-CAM, integrated gradients and occlusion of eight pages, when everything has been traced."""
    answer = network()
    sides = {side: made(answer) for side, made in SIDES.items()}

    def profile(method: str) -> Callable[[Row], str]:
        return lambda row: f"{passes(answer, method) / row.ours:.0%} of ours is passes through the network"

    return [
        noted(
            against(
                method.replace("_", " "), lambda method=method: seconds(sides["ours"][method]),
                lambda method=method: seconds(sides["theirs"][method]), goal=5, warm=True, note=ABOUT,
            ),
            profile(method),
        )
        for method in METHODS
    ]  # fmt: skip


def passes(answer, method: str) -> float:
    """Seconds of the questions alone that a method asks the network."""
    asked: list[tuple] = []

    class Listening:
        """Writes down what is asked."""

        def __init__(self) -> None:
            self.input_shape = answer.input_shape

        def __getattr__(self, question: str):
            def ask(*about: np.ndarray, **how: object):
                asked.append((question, about, how))
                return getattr(answer, question)(*about, **how)

            return ask

    make = ours(Listening())[method]
    make()
    asked.clear()  # where the last map looks is asked once for a network; the maps above knew it already
    make()
    again = lambda: [getattr(answer, question)(*about, **how) for question, about, how in asked]  # noqa: E731
    return min(seconds(again) for _ in range(REPEATS))


def maps_in_a_fresh_process() -> list[Row]:
    """The same as a user meets it first: tf-explain traces its gradients anew for each class and each network."""

    def once(side: str) -> dict[str, float]:
        command = [sys.executable, "-m", "benchmarks.explanation", side]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.strip().split("\n")[-1])

    note = f"{ABOUT}; each side in a process of its own, from the loaded network to the last map"
    if measure.side:
        return [Row("maps in a fresh process", sum(once(measure.side).values()), None, "s", None, None, None, None)]
    pairs = [(once("ours"), once("theirs")) for _ in range(REPEATS)]
    return [
        ratio_of(
            f"{method.replace('_', ' ')} in a fresh process", [(a[method], b[method]) for a, b in pairs], goal=5,
            note=note,
        )
        for method in METHODS
    ]  # fmt: skip


BENCHMARKS = (maps_of_pages, maps_in_a_fresh_process)

if __name__ == "__main__":
    answer = network()
    print(json.dumps({method: seconds(make) for method, make in SIDES[sys.argv[1]](answer).items()}))
