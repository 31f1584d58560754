"""Figures of what a score would mean in use: comparisons, calibration, net benefit, abstention, prediction sets."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ecgstudy.report import style, tables
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES

MODEL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
STAGE_COLOURS = {"raw": "#999999", "temperature": "#56B4E9", "prior": "#E69F00", "prior and temperature": "#0072B2"}


@style.drawing
def plot_comparisons(comparisons: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Differences between pairs of models with paired intervals, and Holm's p beside each.

    Args:
        comparisons: as `es.compare` gives them: `model, other, value, low, high, p_holm`.
    """
    ax = style.new_axes(7.2, 1.2 + 0.34 * len(comparisons), ax)
    heights = -np.arange(len(comparisons))
    ax.axvline(0, color=style.SOFT, linewidth=0.8, zorder=0)
    ax.hlines(heights, comparisons.low, comparisons.high, color=style.PROTOCOL_COLOURS["grouped"], linewidth=1.6)
    ax.scatter(comparisons.value, heights, s=26, color=style.PROTOCOL_COLOURS["grouped"], zorder=3)
    ax.annotate("Holm", (1.01, 0.62), xycoords=("axes fraction", "data"), fontsize=8, color=style.SOFT)
    for height, row in zip(heights, tables.each(comparisons), strict=True):
        ax.annotate(_p(row.p_holm), (1.01, height), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    pairs = [f"{tables.model_title(r.model)}\nless {tables.model_title(r.other)}" for r in tables.each(comparisons)]
    ax.set_yticks(heights, pairs, fontsize=8)
    ax.set_ylim(-len(comparisons) + 0.4, 0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.set_xlabel("difference of balanced accuracy, with 95 % interval (right: the first is better)")
    return ax


@style.drawing
def plot_reliability(
    reliability: pd.DataFrame, model: str, ax: Axes | None = None, *, label: str = "mi", protocol: str = "grouped"
) -> Axes:
    """How often a class is true among pages that were given about the same probability of it, by stage.

    Args:
        reliability: as the tables of results hold it: `protocol, model, stage, label, predicted, observed, low, high`.
        model: whose probabilities.
        label: the class.
        protocol: whose answers.
    """
    ax = style.new_axes(4.8, 4.2, ax)
    ax.plot([0, 1], [0, 1], color=style.SOFT, linestyle=":", linewidth=1)
    rows = reliability[(reliability.label == label) & (reliability.model == model) & (reliability.protocol == protocol)]
    stages = [stage for stage in STAGE_COLOURS if (rows.stage == stage).any()]
    for stage in stages:
        own = rows[rows.stage == stage].sort_values("predicted")
        spread = np.maximum(0, [own.observed - own.low, own.high - own.observed])
        colour = STAGE_COLOURS[stage]
        ax.errorbar(
            own.predicted, own.observed, spread, fmt="o-", color=colour, markersize=4, elinewidth=0.8, label=stage
        )
    most = min(1.0, 0.1 + max(0.2, float(rows[["predicted", "observed", "high"]].max().max())))
    ax.set(xlim=(-0.02, most), ylim=(-0.02, most), aspect="equal")
    ax.set(xlabel=f"probability given to {CLASS_TITLES[label].lower()}", ylabel="share of pages where it is true")
    ax.legend(fontsize=8, loc="upper left")
    return ax


@style.drawing
def plot_decision_curve(
    curve: pd.DataFrame,
    models: Sequence[str],
    ax: Axes | None = None,
    *,
    target: str = "mi",
    protocol: str = "grouped",
) -> Axes:
    """Net benefit of acting on each model's risk, beside acting on all pages and on none.

    Args:
        curve: as the tables of results hold it: `protocol, target, model, threshold, net_benefit`.
        models: which ones; a curve for every model is a thicket.
        target: `mi` or `mi or history`.
        protocol: whose answers.
    """
    ax = style.new_axes(8.4, 3.8, ax)
    rows = curve[(curve.target == target) & (curve.protocol == protocol) & curve.model.isin([*models, "all", "none"])]
    for name, line in (("all", "--"), ("none", ":")):
        own = rows[rows.model == name]
        ax.plot(own.threshold, own.net_benefit, line, color=style.SOFT, label=f"act on {name}")
    for model, look in model_looks(rows.model[~rows.model.isin(["all", "none"])]).items():
        own = rows[rows.model == model]
        ax.plot(own.threshold, own.net_benefit, **look, label=tables.model_title(model))
    top = max(0.01, float(rows.net_benefit.max()))
    ax.set(ylim=(-0.3 * top, 1.08 * top), xlabel=f"risk of {target} at which one would act", ylabel="net benefit")
    ax.grid(axis="y")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return ax


@style.drawing
def plot_risk_coverage(curve: pd.DataFrame, models: Sequence[str], *, protocol: str = "grouped") -> np.ndarray:
    """Errors among the pages answered, and infarctions still answered, when a model abstains from what it is unsure of.

    Args:
        curve: as the tables of results hold it: `protocol, model, coverage, balanced_error, mi_answered`.
        models: which ones.
        protocol: whose answers.

    Returns:
        Two axes.
    """
    curve = curve[(curve.protocol == protocol) & curve.model.isin(list(models))]
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.4))
    for model, look in model_looks(curve.model).items():
        own = curve[curve.model == model]
        axes[0].plot(own.coverage, own.balanced_error, **look)
        axes[1].plot(own.coverage, own.mi_answered, **look, label=tables.model_title(model))
    axes[1].plot([0, 1], [0, 1], color=style.SOFT, linestyle=":", linewidth=1, label="abstaining at random")
    axes[0].set(xlabel="share of pages answered", ylabel="balanced error among them", ylim=(0, 1))
    axes[1].set(xlabel="share of pages answered", ylabel="share of infarctions answered")
    for ax in axes:
        ax.grid(axis="y")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return axes


@style.drawing
def plot_coverage(coverage: pd.DataFrame, ax: Axes | None = None, *, kind: str = "inner", alpha: float = 0.1) -> Axes:
    """How often prediction sets hold the true class, per class, beside the wanted share.

    Args:
        coverage: as the tables of results hold it: `kind, model, label, alpha, covered, low, high, set_size`.
        kind: `inner` (pages of `grouped`) or `cross` (pages left out).
        alpha: one less the wanted share.
    """
    coverage = coverage[(coverage.kind == kind) & np.isclose(coverage.alpha, alpha)]
    models = tables.order_models(coverage.model.unique())
    ax = style.new_axes(7.2, 1.2 + 0.5 * len(models), ax)
    wanted = 1 - alpha
    ax.axvline(wanted, color=style.SOFT, linestyle=":", linewidth=1.2, label=f"wanted ({wanted:.2f})")
    for place, label in enumerate(CLASSES):
        rows = coverage[coverage.label == label]
        y = np.array([-float(models.index(model)) for model in rows.model]) + 0.27 - 0.18 * place
        ax.hlines(y, rows.low, rows.high, color=style.CLASS_COLOURS[label], linewidth=1.6)
        ax.scatter(rows.covered, y, s=26, color=style.CLASS_COLOURS[label], label=CLASS_TITLES[label], zorder=3)
    sizes = coverage.groupby("model").set_size.mean()
    for place, model in enumerate(models):
        ax.text(1.04, -place, f"{sizes[model]:.1f} classes a set", va="center", fontsize=8)
    ax.set_yticks([-place for place in range(len(models))], [tables.model_title(model) for model in models])
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.set(xlim=(0, 1.02), xlabel="share of pages whose set holds the true class, with 95 % interval")
    style.legend_above(ax)
    return ax


def model_looks(models: pd.Series) -> dict[str, dict[str, Any]]:
    """Colour and line of each model of one figure, in the registry's order."""
    return looks(tables.order_models(models.unique()))


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """A colour and a line for each name; broken lines where colours run out."""
    found = itertools.product(("-", "--", "-."), MODEL_COLOURS)
    return {name: {"color": colour, "linestyle": line} for name, (line, colour) in zip(names, found, strict=False)}


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
