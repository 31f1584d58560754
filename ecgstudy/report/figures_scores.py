"""Figures of scores: the ladder and its steps, scores by class, confusion."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ecgstudy.report import style, tables
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, PROTOCOL_TITLES, PROTOCOLS

CHANCE = 1 / len(CLASSES)  # balanced accuracy of an answer that ignores the page


@style.drawing
def plot_ladder(ladder: pd.DataFrame, claims: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Balanced accuracy of every model on the rungs of the ladder, published claims as hollow markers.

    Args:
        ladder: with vocabulary.LADDER_COLUMNS. Networks with frozen random weights are left out: they are
            a control and stand in the tables.
        claims: the published table (`es.read_claims()`). Its macro recall is the same quantity as balanced
            accuracy; no claim has an interval.
    """
    rows = tables.ladder_rows(ladder)
    models = tables.order_models(rows.model.unique())
    ax = style.new_axes(8.2, 1.2 + 0.5 * (len(models) + (claims is not None)), ax)
    heights = {model: -float(place) for place, model in enumerate(models)}
    _chance(ax)
    for place, protocol in enumerate(PROTOCOLS):
        _rung(ax, rows[rows.protocol == protocol], heights, shift=0.18 - 0.18 * place, protocol=protocol)
    if claims is not None:
        _claims(ax, claims, heights)
        heights = {"claims": 1.0} | heights
    _model_axis(ax, heights)
    _grouped_column(ax, rows, heights)
    ax.set(xlim=(0, 1.02), xlabel="balanced accuracy (mean recall of the four classes), with 95 % interval")
    _ladder_legend(ax, rows, claims is not None)
    return ax


@style.drawing
def plot_steps(steps: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How far each model's balanced accuracy falls from one rung to the next, with intervals.

    Args:
        steps: as `es.steps` gives them: `model, weights, trained, step, metric, value, low, high`; a negative value is
            a fall. Frozen random weights are left out.
    """
    steps = steps[(steps.metric == "balanced_accuracy") & ~tables.is_random_control(steps)]
    models = tables.order_models(steps.model.unique())
    ax = style.new_axes(7.2, 1.3 + 0.42 * len(models), ax)
    heights = {model: -float(place) for place, model in enumerate(models)}
    names = list(dict.fromkeys(steps.step))
    for place, name in enumerate(names):
        rows = steps[steps.step == name]
        shift = 0.2 - 0.4 * place / max(1, len(names) - 1)
        colour = style.PROTOCOL_COLOURS[name.split(" to ")[-1]]  # of the rung reached
        intervals(ax, rows, heights, shift, colour, label=_step_title(name))
    ax.axvline(0, color=style.SOFT, linewidth=0.8, zorder=0)
    _model_axis(ax, heights)
    ax.set_xlabel("change of balanced accuracy, with 95 % interval (left: it falls)")
    style.legend_above(ax)
    return ax


@style.drawing
def plot_class_scores(recalls: pd.DataFrame, ax: Axes | None = None, *, protocol: str = "grouped") -> Axes:
    """Recall of each class by each model, with intervals: a class in its colour, a model in its row.

    Args:
        recalls: as `es.recalls` gives them: `model, protocol, stratum, label, value, low, high`.
        protocol: which rung.
    """
    scores = recalls[(recalls.protocol == protocol) & (recalls.stratum == "all")]
    models = tables.order_models(scores.model.unique())
    ax = style.new_axes(7.2, 1.3 + 0.46 * len(models), ax)
    heights = {model: -float(place) for place, model in enumerate(models)}
    for place, label in enumerate(CLASSES):
        rows = scores[scores.label == label]
        intervals(ax, rows, heights, 0.27 - 0.18 * place, style.CLASS_COLOURS[label], label=CLASS_TITLES[label])
    _model_axis(ax, heights)
    ax.set(xlim=(-0.02, 1.02), xlabel="recall, with 95 % interval")
    style.legend_above(ax)
    return ax


@style.drawing
def plot_class_falls(recalls: pd.DataFrame, model: str, ax: Axes | None = None) -> Axes:
    """Recall of each class on each rung by one model, so that the fall can be read class by class.

    Args:
        recalls: as `es.recalls` gives them: `model, protocol, stratum, label, value, low, high`.
        model: which one.
    """
    scores = recalls[(recalls.model == model) & (recalls.stratum == "all")]
    ax = style.new_axes(7.2, 3.4, ax)
    heights = {label: -float(place) for place, label in enumerate(CLASSES)}
    for place, protocol in enumerate(PROTOCOLS):
        rows = scores[scores.protocol == protocol].assign(model=lambda table: table.label)
        if len(rows):
            colour = style.PROTOCOL_COLOURS[protocol]
            intervals(ax, rows, heights, 0.27 - 0.18 * place, colour, label=PROTOCOL_TITLES[protocol])
    ax.set_yticks(list(heights.values()), [CLASS_TITLES[label] for label in heights])
    _row_lines(ax, heights)
    ax.set(xlim=(-0.02, 1.02), xlabel="recall, with 95 % interval")
    style.legend_above(ax)
    return ax


@style.drawing
def plot_confusion(confusion: pd.DataFrame, model: str, ax: Axes | None = None, *, protocol: str = "grouped") -> Axes:
    """Pages by true class (rows) and predicted class (columns): counts, shaded by the share of the row.

    Args:
        confusion: as the tables of results hold it: `protocol, model, label` (true), `answer` (predicted), `pages`.
        model: which one.
        protocol: whose answers.
    """
    ax = style.new_axes(4.6, 3.8, ax)
    rows = confusion[(confusion.model == model) & (confusion.protocol == protocol)]
    table = rows.pivot_table(index="label", columns="answer", values="pages", aggfunc="sum")
    counts = table.reindex(index=CLASSES, columns=CLASSES).fillna(0).to_numpy(dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]:.0f}\n{share:.0%}"
        ax.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else style.INK)
    names = [CLASS_TITLES[label].replace(" ", "\n", 1) for label in CLASSES]
    ax.set_xticks(range(len(CLASSES)), names)
    ax.set_yticks(range(len(CLASSES)), names)
    ax.set(xlabel="predicted", ylabel="label of the data set")
    ax.set_title(f"{tables.model_title(model)}, {PROTOCOL_TITLES[protocol].lower()}")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def intervals(
    ax: Axes, rows: pd.DataFrame, heights: dict[str, float], shift: float, colour: str, *, label: str, marker: str = "o"
) -> None:
    """Draw `value` with `low` to `high` of each row at the height of its model."""
    y = rows.model.map(heights).to_numpy(dtype=float) + shift
    ax.hlines(y, rows.low, rows.high, color=colour, linewidth=1.6)
    ax.scatter(rows.value, y, s=26, color=colour, marker=marker, label=label, zorder=3)


def _rung(ax: Axes, rows: pd.DataFrame, heights: dict[str, float], *, shift: float, protocol: str) -> None:
    colour, marker = style.PROTOCOL_COLOURS[protocol], style.PROTOCOL_MARKERS[protocol]
    intervals(ax, rows, heights, shift, colour, label=PROTOCOL_TITLES[protocol], marker=marker)


def _claims(ax: Axes, claims: pd.DataFrame, heights: dict[str, float]) -> None:
    """All claims in a row of their own, and each beside its model where that model is shown."""
    ax.scatter(claims.recall, np.full(len(claims), 1.0), s=34, zorder=4, **style.CLAIM)
    shown = claims[claims.registry_name.isin(list(heights))]
    ax.scatter(shown.recall, shown.registry_name.map(heights) + 0.36, s=34, zorder=4, **style.CLAIM)


def _grouped_column(ax: Axes, rows: pd.DataFrame, heights: dict[str, float]) -> None:
    """The value that counts, as text at the right edge."""
    ax.text(1.04, max(heights.values()) + 0.56, PROTOCOL_TITLES["grouped"].lower(), color=style.SOFT, fontsize=8)
    for row in tables.each(rows[rows.protocol == "grouped"]):
        text = tables.with_interval(row.value, row.low, row.high)
        ax.text(1.04, heights[row.model], text, va="center", fontsize=8)


def _model_axis(ax: Axes, heights: dict[str, float]) -> None:
    titles = ["Published table (claims)" if model == "claims" else tables.model_title(model) for model in heights]
    titles = [title.replace(" + ", "\n+ ") for title in titles]
    ax.set_yticks(list(heights.values()), titles)
    _row_lines(ax, heights)
    ax.grid(axis="x")


def _row_lines(ax: Axes, heights: dict[str, float]) -> None:
    ax.set_ylim(min(heights.values()) - 0.5, max(heights.values()) + 0.5)
    ax.tick_params(axis="y", length=0)
    for height in heights.values():
        ax.axhline(height - 0.5, color=style.PALE, linewidth=0.6, zorder=0)


def _chance(ax: Axes) -> None:
    ax.axvline(CHANCE, color=style.SOFT, linestyle=":", linewidth=1.2, zorder=1, label=f"chance ({CHANCE:.2f})")


def _ladder_legend(ax: Axes, rows: pd.DataFrame, with_claims: bool) -> None:
    handles, labels = ax.get_legend_handles_labels()
    shown = {PROTOCOL_TITLES[protocol] for protocol in rows.protocol.unique()} | {f"chance ({CHANCE:.2f})"}
    pairs = [(handle, label) for handle, label in zip(handles, labels, strict=True) if label in shown]
    if with_claims:
        pairs.append((Line2D([], [], linestyle="", marker="D", color=style.INK, markerfacecolor="white"), "claim"))
    style.legend_above(ax, pairs)


def _step_title(name: str) -> str:
    return " to ".join(PROTOCOL_TITLES[part].lower() for part in name.split(" to "))
