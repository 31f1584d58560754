"""One figure of one prediction: the waveform area with what each lead does to the answer, and the probabilities."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle

from ecgstudy.pages.layout import LayoutError, find_layout
from ecgstudy.predict.answer import Prediction, in_words
from ecgstudy.report import style
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, DISCLAIMER

_SPEAKS_FOR, _SPEAKS_AGAINST = "#D5281E", "#1E5AC8"
_FAINTEST = 0.02  # falls below that are not told


@style.drawing
def plot_prediction(prediction: Prediction) -> np.ndarray:
    """Draw a prediction; a refused picture is told in words, and shown only where its waveform area is known.

    Returns:
        Two axes: the page and the probabilities.
    """
    figure = plt.figure(figsize=(10.5, 4.6))
    grid = GridSpec(2, 2, figure=figure, width_ratios=(2.6, 1), height_ratios=(1, 0.3))
    axes = np.array([figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])])
    words = figure.add_subplot(grid[1, :])
    _page(prediction, axes[0])
    _bars(prediction, axes[1])
    words.set_axis_off()
    told = [line.strip() for line in in_words(prediction).splitlines()[1:]]
    text = "\n".join([*told, prediction.tested, DISCLAIMER])
    words.text(0, 1, text, va="top", fontsize=7, wrap=True, transform=words.transAxes)
    return axes


def _page(prediction: Prediction, ax: Axes) -> None:
    ax.set_axis_off()
    if prediction.view is None:
        ax.text(0, 0.5, f"refused: {prediction.reason}", fontsize=12, va="center", color=style.SOFT)
        return
    height, width = prediction.view.shape[:2]
    ax.imshow(prediction.view, interpolation="antialiased")
    ax.set_title(_title(prediction))
    for name, box in _boxes(prediction.view).items():
        fall = (prediction.leads or {}).get(name, 0.0)
        if abs(fall) >= _FAINTEST:
            left, top = box.left * width, box.top * height
            size = (box.right - box.left) * width, (box.bottom - box.top) * height
            colour = _SPEAKS_FOR if fall > 0 else _SPEAKS_AGAINST
            strength = min(0.45, 0.08 + abs(fall))
            ax.add_patch(Rectangle((left, top), *size, facecolor=colour, alpha=strength, edgecolor="none"))
            ax.text(left + size[0] - 3, top + 3, f"{fall:+.2f}", ha="right", va="top", fontsize=7, color=colour)


def _boxes(view: np.ndarray) -> dict:
    try:
        where = find_layout(view)
    except LayoutError:
        return {}
    return dict(where.leads) | ({"strip": where.strip} if where.strip is not None else {})


def _title(prediction: Prediction) -> str:
    if prediction.refused:
        return f"refused: {prediction.reason}"
    if not prediction.leads:
        return ""
    return f"by how much {prediction.likeliest} falls without a lead (red: the lead speaks for it)"


def _bars(prediction: Prediction, ax: Axes) -> None:
    if prediction.probabilities is None:
        ax.set_axis_off()
        return
    values = [prediction.probabilities[name] for name in CLASSES]
    names = [f"{CLASS_TITLES[n]}{' *' if n in (prediction.prediction_set or ()) else ''}" for n in CLASSES]
    ax.barh(range(len(CLASSES)), values, color=[style.CLASS_COLOURS[name] for name in CLASSES], height=0.6)
    for row, value in enumerate(values):
        ax.text(value + 0.02, row, f"{value:.2f}", va="center", fontsize=8)
    ax.set_yticks(range(len(CLASSES)), names)
    ax.set(xlim=(0, 1.15), ylim=(len(CLASSES) - 0.5, -0.5), xlabel="calibrated probability (* not ruled out)")
    ax.set_title("abstains" if prediction.abstained else "one class is left")
