"""Figures of what moves a score: controls, damage, the number of pages, and what kind of page it is."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ecgstudy.report import figures_clinical, style, tables
from ecgstudy.report.figures_scores import CHANCE
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES


@style.drawing
def plot_controls(controls: pd.DataFrame, model: str, ax: Axes | None = None) -> Axes:
    """Balanced accuracy of the same model on parts of the page that hold no heart.

    Args:
        controls: as the tables of results hold it: `model, title, metric, value, low, high`.
        model: which one.
    """
    rows = controls[(controls.metric == "balanced_accuracy") & (controls.model == model)].reset_index(drop=True)
    ax = style.new_axes(7.2, 1.0 + 0.34 * len(rows), ax)
    ax.axvline(CHANCE, color=style.SOFT, linestyle=":", linewidth=1.2, label=f"chance ({CHANCE:.2f})")
    y = -np.arange(len(rows))
    ax.hlines(y, rows.low, rows.high, color=style.PROTOCOL_COLOURS["grouped"], linewidth=1.6)
    ax.scatter(rows.value, y, s=26, color=style.PROTOCOL_COLOURS["grouped"], zorder=3)
    ax.set_yticks(y, rows.title.str.replace(" (", "\n(", regex=False))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.set(xlim=(0, 1.02), xlabel="balanced accuracy, grouped, with 95 % interval")
    style.legend_above(ax)
    return ax


@style.drawing
def plot_robustness(robustness: pd.DataFrame, model: str, ax: Axes | None = None) -> Axes:
    """Balanced accuracy on damaged pages, by kind and severity of the damage.

    Args:
        robustness: as the tables of results hold it: `model, damage, severity, metric, value, clean`.
        model: which one.
    """
    ax = style.new_axes(7.2, 3.6, ax)
    rows = robustness[(robustness.metric == "balanced_accuracy") & (robustness.model == model)]
    rows = rows[rows.severity > 0]
    for damage, look in figures_clinical.looks(rows.damage.unique()).items():
        own = rows[rows.damage == damage].sort_values("severity")
        severities, values = [0, *own.severity], [own.clean.iloc[0], *own.value]
        ax.plot(severities, values, marker="o", markersize=4, **look, label=str(damage).replace("_", " "))
    ax.axhline(CHANCE, color=style.SOFT, linestyle=":", linewidth=1.2)
    ax.set(ylim=(0, 1), xlabel="severity of the damage (0: clean page)", ylabel="balanced accuracy, grouped")
    ax.set_xticks(range(int(rows.severity.max()) + 1))
    ax.grid(axis="y")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return ax


@style.drawing
def plot_learning_curve(curve: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Balanced accuracy against the number of distinct pages that a model learned from.

    Args:
        curve: as the tables of results hold it: `model, learned_pages, metric, value, low, high`.
    """
    ax = style.new_axes(6.4, 3.6, ax)
    rows = curve[curve.metric == "balanced_accuracy"]
    for model, look in figures_clinical.model_looks(rows.model).items():
        own = rows[rows.model == model].sort_values("learned_pages")
        ax.plot(own.learned_pages, own.value, marker="o", markersize=4, **look, label=tables.model_title(model))
        ax.fill_between(own.learned_pages, own.low, own.high, color=look["color"], alpha=0.12, linewidth=0)
    ax.axhline(CHANCE, color=style.SOFT, linestyle=":", linewidth=1.2)
    ax.set(ylim=(0, 1), xlabel="distinct pages learned from", ylabel="balanced accuracy, grouped")
    ax.grid(axis="y")
    ax.legend(fontsize=8)
    return ax


@style.drawing
def plot_recall_widths(widths: pd.DataFrame, model: str, ax: Axes | None = None) -> Axes:
    """What the interval of infarction recall would be with more infarctions, were the recall what it is now.

    Args:
        widths: as the tables of results hold it (`sample_size`): `model, pages, recall, low, high`.
        model: whose recall.
    """
    ax = style.new_axes(6.4, 3.2, ax)
    rows = widths[widths.model == model].sort_values("pages")
    colour = style.CLASS_COLOURS["mi"]
    ax.fill_between(rows.pages, rows.low, rows.high, color=colour, alpha=0.2, linewidth=0)
    ax.plot(rows.pages, rows.recall, color=colour)
    ax.set(xscale="log", ylim=(0, 1), xlabel="infarction pages in the study", ylabel="recall, mean 95 % interval")
    ax.set_title(tables.model_title(model))
    ax.set_xticks(rows.pages, [f"{pages}" for pages in rows.pages], fontsize=8)
    ax.minorticks_off()
    ax.grid(axis="y")
    return ax


@style.drawing
def plot_recall_by(recalls: pd.DataFrame, model: str, column: str, *, protocol: str = "unseen") -> np.ndarray:
    """Recall of each class among pages that are alike in one respect, such as the printed rate; found of pages below.

    Args:
        recalls: as the tables of results hold it (`selection`): `model, protocol, column, stratum, label, found, pages,
            value, low, high`.
        model: whose answers.
        column: of the manifest, such as `printed_bpm`.
        protocol: whose answers.

    Returns:
        The axes, one per class that has pages.
    """
    rows = recalls[(recalls.model == model) & (recalls.column == column) & (recalls.protocol == protocol)]
    labels = [label for label in CLASSES if (rows.label == label).any()]
    strata = sorted(rows.stratum.unique(), key=_number)
    figure, axes = plt.subplots(1, len(labels), figsize=(2.4 * len(labels), 3.4), sharey=True, squeeze=False)
    for ax, label in zip(axes.flat, labels, strict=True):
        own = rows[rows.label == label]
        at = [strata.index(stratum) for stratum in own.stratum]
        ax.vlines(at, own.low, own.high, color=style.CLASS_COLOURS[label], linewidth=1.6)
        ax.scatter(at, own.value, s=24, color=style.CLASS_COLOURS[label], zorder=3)
        names = [f"{row.stratum} ({row.found}/{row.pages})" for row in tables.each(own)]
        ax.set_xticks(at, names, rotation=90, fontsize=7.5)
        ax.set(ylim=(-0.02, 1.02), title=CLASS_TITLES[label])
        ax.grid(axis="y")
    axes[0, 0].set_ylabel("recall, with 95 % interval")
    figure.supxlabel(column.replace("_", " "), fontsize=9)
    return axes


def _number(stratum: str) -> tuple[int, float, str]:
    """Strata in the order of their numbers: `up to 60`, `60 to 75`, `above 120`; words and `unknown` at the end."""
    numbers = [float(word) for word in stratum.split() if word.replace(".", "", 1).isdigit()]
    if not numbers:
        return (1, 0.0, stratum)
    return (0, numbers[-1] + (0.5 if stratum.startswith("above") else 0), stratum)
