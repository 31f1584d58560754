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
APART_MV = 1.6  # between the zero lines of two leads
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


@style.drawing
def plot_leads(prediction: Prediction, ax: Axes | None = None) -> Axes:
    """The waveform area with the box of every lead, coloured by what blanking the lead does to the answer."""
    ax = ax if ax is not None else plt.figure(figsize=(9, 5.3)).add_subplot()
    _page(prediction, ax)
    if prediction.view is not None:
        height, width = prediction.view.shape[:2]
        for box in _boxes(prediction.view).values():
            corner, size = (box.left * width, box.top * height), (box.right - box.left, box.bottom - box.top)
            ax.add_patch(Rectangle(corner, size[0] * width, size[1] * height, fill=False, edgecolor="#1E5AC8", lw=0.7))
    return ax


@style.drawing
def plot_signals(prediction: Prediction, ax: Axes | None = None) -> Axes:
    """The traced leads below each other, in millivolts against seconds."""
    ax = ax if ax is not None else plt.figure(figsize=(9, 6.5)).add_subplot()
    assert prediction.traced is not None
    rate = prediction.traced.sampling_rate
    for row, (lead, signal) in enumerate(prediction.traced.signals.items()):
        base = -APART_MV * row
        ax.plot(np.arange(signal.size) / rate, signal + base, lw=0.8, color=style.INK)
        ax.text(-0.02, base, lead, ha="right", va="center", fontsize=9, transform=ax.get_yaxis_transform())
    ax.set(xlabel="seconds from the beginning of the lead", yticks=[], ylim=(base - APART_MV, APART_MV))
    ax.plot([ax.get_xlim()[1]] * 2, [base - 1, base], lw=2, color=style.SOFT)
    ax.text(ax.get_xlim()[1], base - 1.1, "1 mV", ha="right", va="top", fontsize=8, color=style.SOFT)
    return ax


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
