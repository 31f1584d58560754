"""Figures of training: learning curves, what a model costs, confusion by model, ablations."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from ecgstudy.report import figures_scores, style, tables
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES

TRAINING, VALIDATION = style.PROTOCOL_COLOURS["as_published"], style.PROTOCOL_COLOURS["grouped"]
COSTS = {"seconds": "seconds for one run", "parameters_trained": "weights trained", "parameters": "weights in all"}
CONTROL = "control: frozen, random weights"


@style.drawing
def plot_training(histories: pd.DataFrame, axes: np.ndarray | None = None) -> np.ndarray:
    """Loss by epoch, one panel per model: a thin line per run, and where its weights were kept.

    Args:
        histories: `model, run, epoch, loss, val_loss, best`, and `stage` where there are two, as `es.read_histories`
            gives them.
        axes: one per model; a new figure by default.

    Returns:
        The axes, an array; panels without a model are switched off.
    """
    models = tables.order_models(histories.model.unique())
    if axes is None:
        columns = min(3, len(models))
        rows = -(-len(models) // columns)
        size = (2.7 * columns + 0.3, 0.7 + 1.8 * rows)
        axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True)[1]
    for ax, model in zip(axes.flat, models, strict=False):
        for _, run in histories[histories.model == model].groupby("run"):
            _run(ax, run)
        ax.set_title(_wrapped(tables.model_title(model)), fontsize=8)
        ax.set_ylim(0, _top(histories))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(axis="y")
    for ax in axes.flat[len(models) :]:
        ax.set_visible(False)
    figure = axes.flat[0].figure
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("loss", fontsize=9)
    lines = [Line2D([], [], color=TRAINING), Line2D([], [], color=VALIDATION), _dot(VALIDATION)]
    names = ["training part", "validation part", "weights kept"]
    figure.legend(lines, names, loc="outside upper left", ncols=3, fontsize=8)
    return axes


def _run(ax: Axes, run: pd.DataFrame) -> None:
    """The stages of a run follow one another: the head alone, then from a dotted line on what lies before it too."""
    run = run.assign(epoch=np.arange(1, len(run) + 1))
    ax.plot(run.epoch, run.loss, color=TRAINING, linewidth=0.8)
    ax.plot(run.epoch, run.val_loss, color=VALIDATION, linewidth=0.8)
    kept = run[run.best]
    ax.plot(kept.epoch, kept.val_loss, "o", color=VALIDATION, markersize=3.5, clip_on=False)
    head = (run["stage"] == "head").sum() if "stage" in run else 0
    if 0 < head < len(run):
        ax.axvline(head + 0.5, color=style.SOFT, linestyle=":", linewidth=1)


def _top(histories: pd.DataFrame) -> float:
    """High enough for nearly all values, so that one loss that shoots up does not flatten all others."""
    losses = histories[["loss", "val_loss"]].to_numpy()
    return float(1.1 * np.nanquantile(losses, 0.98))


def _dot(colour: str) -> Line2D:
    return Line2D([], [], color=colour, marker="o", linestyle="", markersize=3.5)


@style.drawing
def plot_costs(costs: pd.DataFrame, axes: np.ndarray | None = None) -> np.ndarray:
    """Score beside what it cost, one row per model: time of a run, weights that were trained, weights in all.

    Args:
        costs: `model, weights, trained, value, low, high` and the columns of `COSTS`, as `es.training_costs` gives
            them. A model that is no network has no weights to count. Controls are hollow.
        axes: four; a new figure by default.

    Returns:
        The axes, an array of four.
    """
    heights = {model: -float(place) for place, model in enumerate(tables.order_models(costs.model))}
    y, control = costs.model.map(heights).to_numpy(), tables.is_random_control(costs).to_numpy()
    if axes is None:
        size, shares = (9.6, 1.1 + 0.32 * len(costs)), {"width_ratios": [1.5, 1, 1, 1]}
        axes = plt.subplots(1, 4, figsize=size, sharey=True, gridspec_kw=shares)[1]
    axes[0].hlines(y, costs.low, costs.high, color=VALIDATION, linewidth=1.4)
    axes[0].axvline(figures_scores.CHANCE, color=style.SOFT, linestyle=":", linewidth=1)
    axes[0].set(xlim=(0, 1), xlabel="balanced accuracy, grouped")
    _points(axes[0], costs.value, y, control)
    for ax, (name, title) in zip(axes[1:], COSTS.items(), strict=True):
        values = costs[name] if name in costs else pd.Series(np.nan, costs.index)
        _points(ax, values.where(values > 0), y, control)
        ax.set(xscale="log", xlabel=title)
        ax.set_xlim(*_decades(values))
        ax.xaxis.set_minor_formatter(NullFormatter())
    _rows(axes, heights)
    if control.any():
        handle = Line2D([], [], marker="o", linestyle="", color=VALIDATION, markerfacecolor="white")
        axes[0].figure.legend([handle], [CONTROL], loc="outside upper right", fontsize=8)
    return axes


def _decades(values: pd.Series) -> tuple[float, float]:
    """Whole powers of ten around all values: on a short axis, ticks between them would run into each other."""
    logs = np.log10(values[values > 0])
    if logs.empty:
        return 1.0, 10.0
    return 10.0 ** np.floor(logs.min() - 0.15), 10.0 ** np.ceil(logs.max() + 0.15)


def _points(ax: Axes, x: pd.Series, y: np.ndarray, hollow: np.ndarray) -> None:
    faces = np.where(hollow, "white", VALIDATION)
    ax.scatter(x, y, s=26, facecolors=faces.tolist(), edgecolors=VALIDATION, linewidths=1.2, zorder=3)


def _rows(axes: np.ndarray, heights: dict[str, float]) -> None:
    axes[0].set_yticks(list(heights.values()), [tables.model_title(model) for model in heights])
    axes[0].set_ylim(min(heights.values()) - 0.5, 0.5)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        for height in heights.values():
            ax.axhline(height - 0.5, color=style.PALE, linewidth=0.6, zorder=0)


@style.drawing
def plot_confusions(confusion: pd.DataFrame, models: Sequence[str] | None = None) -> np.ndarray:
    """The confusion matrix of each model under `grouped`, from answers of runs that had not seen the page.

    Args:
        confusion: as the tables of results hold it: `protocol, model, label` (true), `answer` (predicted), `pages`.
        models: these, in the registry's order; all by default.

    Returns:
        The axes, an array; panels without a model are switched off.
    """
    rows = confusion[confusion.protocol == "grouped"]
    names = tables.order_models(rows.model.unique() if models is None else models)
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    axes = plt.subplots(lines, columns, figsize=(2.2 * columns + 0.9, 2.3 * lines), squeeze=False)[1]
    for place, (ax, model) in enumerate(zip(axes.flat, names, strict=False)):
        _matrix(ax, rows[rows.model == model], first=place % columns == 0, last=place + columns >= len(names))
        ax.set_title(_wrapped(tables.model_title(model)), fontsize=8)
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    axes.flat[0].figure.supxlabel("predicted", fontsize=9)
    axes.flat[0].figure.supylabel("label of the data set", fontsize=9)
    return axes


def _matrix(ax: Axes, rows: pd.DataFrame, *, first: bool, last: bool) -> None:
    """Counts, shaded by the share of the row; names of classes only at the outside."""
    table = rows.pivot_table(index="label", columns="answer", values="pages", aggfunc="sum")
    counts = table.reindex(index=list(CLASSES), columns=list(CLASSES)).fillna(0).to_numpy(dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.55 else style.INK
        ax.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=8, color=colour)
    short = [CLASS_TITLES[label].split()[0] if label != "mi" else "MI" for label in CLASSES]
    places: Any = range(len(CLASSES))
    ax.set_xticks(places, short if last else [""] * len(short), fontsize=7)
    ax.set_yticks(places, short if first else [""] * len(short), fontsize=7)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


@style.drawing
def plot_ablations(ablations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Score of every change to a backbone, with the plain backbone as a line, and the gain over it as text.

    Args:
        ablations: as `es.ablation_table` gives it.
    """
    backbones = list(dict.fromkeys(ablations.backbone))
    ax = style.new_axes(7.6, 1.0 + 0.3 * (len(ablations) + 1.4 * len(backbones)), ax)
    ticks: dict[float, str] = {}
    top = 0.0
    for backbone in backbones:
        rows = ablations[ablations.backbone == backbone]
        ax.text(0.0, top, _heading(rows), transform=ax.get_yaxis_transform(), va="center", fontsize=8, weight="bold")
        y = top - 1.0 - np.arange(len(rows))
        ticks |= dict(zip(y, rows.change, strict=True))
        _changes(ax, rows, y)
        top = y[-1] - 1.4
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set(xlim=(0, 1), ylim=(top + 0.7, 0.8), xlabel="balanced accuracy, grouped, with 95 % interval")
    ax.text(1.02, 0.0, "gain over plain", transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=style.SOFT)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return ax


def _heading(rows: pd.DataFrame) -> str:
    title = tables.model_title(rows.backbone.iloc[0])
    return f"{title} ({CONTROL})" if tables.is_random_control(rows).all() else title


def _changes(ax: Axes, rows: pd.DataFrame, y: np.ndarray) -> None:
    ax.vlines(rows.value.iloc[0], y[-1] - 0.4, y[0] + 0.4, color=style.SOFT, linestyle=":", linewidth=1)
    ax.hlines(y, rows.low, rows.high, color=VALIDATION, linewidth=1.4)
    _points(ax, rows.value, y, tables.is_random_control(rows).to_numpy())
    for height, row in zip(y, tables.each(rows), strict=True):
        text = "" if pd.isna(row.gain) else f"{_signed(row.gain)} ({_signed(row.gain_low)} to {_signed(row.gain_high)})"
        ax.text(1.02, height, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8)


def _signed(gain: float) -> str:
    return f"{round(gain, 2) + 0.0:+.2f}"  # never -0.00


def _wrapped(title: str) -> str:
    return title.replace(" + ", "\n+ ")
