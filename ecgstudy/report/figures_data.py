"""Figures of the data: copies, leakage, layouts, what was selected, printed heart rates."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ecgstudy.report import style, tables
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, LAYOUTS


@style.drawing
def plot_copies(copies: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Files and the distinct pages that they show, per class.

    Args:
        copies: as `es.copies_table` gives it: `files, distinct` by label; a total is not drawn.
    """
    ax = style.new_axes(6.8, 2.6, ax)
    rows = _by_class(copies)
    for place, row in enumerate(tables.each(rows)):
        colour = style.CLASS_COLOURS[row.label]
        ax.barh(-place, row.files, height=0.62, color=colour, alpha=0.3)
        ax.barh(-place, row.distinct, height=0.62, color=colour)
        times = row.files / row.distinct if row.distinct else float("nan")
        text = f"{row.files} files, {row.distinct} pages ({times:.1f} files a page)"
        ax.text(row.files, -place, f"  {text}", va="center", fontsize=8)
    _class_axis(ax, rows.label)
    ax.set(xlabel="files (pale) and distinct pages (full colour)", xlim=(0, rows.files.max() * 1.5))
    return ax


@style.drawing
def plot_leakage(leaks: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of the test files that have a copy in the training or validation part of their own fold, per class.

    Args:
        leaks: as `es.leakage` gives its table: `test_files, with_copy` by label; a total is not drawn.
    """
    ax = style.new_axes(6.8, 2.6, ax)
    rows = _by_class(leaks)
    for place, row in enumerate(tables.each(rows)):
        share = row.with_copy / row.test_files if row.test_files else 0.0
        ax.barh(-place, 1, height=0.62, color=style.PALE)
        ax.barh(-place, share, height=0.62, color=style.CLASS_COLOURS[row.label])
        ax.text(1.01, -place, f"{share:.0%} of {row.test_files:.0f}", va="center", fontsize=8)
    _class_axis(ax, rows.label)
    ax.set(xlim=(0, 1))
    ax.set_xlabel("share of test files with a copy outside the test part (in training or validation)")
    ax.xaxis.set_major_formatter("{x:.0%}")
    return ax


@style.drawing
def plot_layouts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Which classes stand in which layout: shares of each layout, with its number of pages.

    Args:
        counts: `layout, label, pages`.
    """
    ax = style.new_axes(6.8, 2.6, ax)
    table = counts.pivot_table(index="layout", columns="label", values="pages", aggfunc="sum", fill_value=0)
    layouts = [layout for layout in LAYOUTS if layout in table.index]
    table = table.reindex(index=layouts, columns=CLASSES, fill_value=0)
    left = np.zeros(len(layouts))
    for label in CLASSES:
        share = (table[label] / table.sum(axis=1)).to_numpy()
        ax.barh(
            -np.arange(len(layouts)), share, 0.62, left, color=style.CLASS_COLOURS[label], label=CLASS_TITLES[label]
        )
        left = left + share
    for place, pages in enumerate(table.sum(axis=1)):
        ax.text(1.01, -place, f"{pages} page{'s' * (pages != 1)}", va="center", fontsize=8)
    ax.set_yticks(-np.arange(len(layouts)), layouts)
    _bare(ax)
    ax.set(xlim=(0, 1), xlabel="share of the layout's distinct pages")
    ax.xaxis.set_major_formatter("{x:.0%}")
    style.legend_above(ax)
    return ax


@style.drawing
def plot_selection(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many pages of each class were selected, and how many were left out.

    Args:
        counts: `label, selected, unseen`: distinct pages at hand.
    """
    ax = style.new_axes(6.8, 2.6, ax)
    rows = _by_class(counts)
    for place, row in enumerate(tables.each(rows)):
        colour = style.CLASS_COLOURS[row.label]
        ax.barh(-place, row.selected, height=0.62, color=colour)
        ax.barh(-place, row.unseen, left=row.selected, height=0.62, facecolor="white", edgecolor=colour, hatch="////")
        text = f"  {row.selected} selected, {row.unseen} left out"
        ax.text(row.selected + row.unseen, -place, text, va="center", fontsize=8)
    _class_axis(ax, rows.label)
    widest = (rows.selected + rows.unseen).max()
    ax.set(xlabel="distinct pages: selected (full colour) and left out (hatched)", xlim=(0, widest * 1.35))
    return ax


@style.drawing
def plot_rates(pages: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Printed heart rates by class, selected pages beside the pages left out.

    Args:
        pages: one row per distinct page: `label, selected, printed_bpm`; pages without a rate are left out.
    """
    ax = style.new_axes(6.8, 3.6, ax)
    pages = pages[pages.printed_bpm.notna()] if "printed_bpm" in pages else pages.iloc[:0].assign(printed_bpm=0.0)
    generator = np.random.default_rng(0)  # jitter of the points only
    for place, label in enumerate(CLASSES):
        for selected, shift in ((True, 0.19), (False, -0.19)):
            rates = pages.printed_bpm[(pages.label == label) & (pages.selected == selected)].to_numpy(dtype=float)
            if len(rates):
                _rates(ax, rates, -place + shift, label, selected, generator)
    _class_axis(ax, CLASSES)
    ax.grid(axis="x")
    ax.set_xlabel("printed heart rate in beats per minute")
    points: dict[str, Any] = {"linestyle": "", "marker": "o", "color": style.SOFT, "markersize": 4}
    filled, hollow = Line2D([], [], **points), Line2D([], [], **points, markerfacecolor="none")
    middle = Line2D([], [], color=style.INK, marker="|", markersize=9, linewidth=2)
    names = ("selected", "left out", "median and middle half")
    style.legend_above(ax, list(zip((filled, hollow, middle), names, strict=True)))
    return ax


def _rates(ax: Axes, rates: np.ndarray, y: float, label: str, selected: bool, generator: np.random.Generator) -> None:
    colour = style.CLASS_COLOURS[label]
    heights = y + generator.uniform(-0.11, 0.11, len(rates))
    ax.scatter(rates, heights, s=9, alpha=0.55, linewidths=0.7, edgecolors=colour, c=colour if selected else "none")
    low, middle, high = np.quantile(rates, [0.25, 0.5, 0.75])
    ax.hlines(y, low, high, color=style.INK, linewidth=2)
    ax.plot(middle, y, "|", color=style.INK, markersize=12, markeredgewidth=2)


def _by_class(table: pd.DataFrame) -> pd.DataFrame:
    table = table if "label" in table else table.rename_axis("label").reset_index()
    rows = table[table.label.isin(CLASSES)]
    return rows.sort_values("label", key=lambda labels: labels.map(CLASSES.index))


def _class_axis(ax: Axes, labels) -> None:
    labels = list(labels)
    ax.set_yticks([-place for place in range(len(labels))], [CLASS_TITLES[label] for label in labels])
    _bare(ax)


def _bare(ax: Axes) -> None:
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
