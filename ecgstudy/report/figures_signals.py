"""Figures of the signals read from pages: agreement with what is printed, beats of one number, redrawn pages."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ecgstudy.data.manifest import Pages
from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.data.same_heart import ALIKE, Numbers
from ecgstudy.data.validation import LIMIT, TOLERANCE
from ecgstudy.pages import beats, redraw
from ecgstudy.report import figures_pages, style, tables
from ecgstudy.vocabulary import LAYOUTS, LEADS

_LAYOUT_LOOK = {"3x4": ("#0072B2", "o"), "6x2plain": ("#D55E00", "s"), "6x2grid": ("#1B1B3A", "^")}
_LEAD_STEP_S = 0.75  # from lead to lead in a row of median beats


@style.drawing
def plot_printed_rates(compared: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Measured heart rate against the printed one, one point a page; the grey band is 5 % around equality.

    Args:
        compared: `layout, printed, measured`, as `es.compared_rates` gives it.
    """
    ax = style.new_axes(5.2, 4.6, ax)
    low, high = 25.0, float(np.nanmax(compared[["printed", "measured"]].to_numpy())) + 10
    reach = np.array([low, high])
    ax.fill_between(reach, reach * (1 - TOLERANCE), reach * (1 + TOLERANCE), color=style.PALE, linewidth=0)
    for times, name in ((1, "equal"), (2, "printed twice as high")):
        ax.plot(reach, reach / times, color=style.SOFT, linewidth=0.8, linestyle="-" if times == 1 else ":", label=name)
    for layout, rows in compared.groupby("layout"):
        colour, marker = _LAYOUT_LOOK[str(layout)]
        look: dict[str, Any] = {"color": colour, "marker": marker, "s": 10, "alpha": 0.6, "linewidths": 0}
        ax.scatter(rows["printed"], rows["measured"], label=f"{layout} ({len(rows)})", **look)
    ax.set(xlabel="printed rate (beats per minute)", ylabel="measured rate (beats per minute)")
    ax.set(xlim=(low, high), ylim=(low, high))
    ax.legend(loc="upper left", fontsize=8)
    return ax


@style.drawing
def plot_bland_altman(compared: pd.DataFrame, ax: np.ndarray | None = None) -> np.ndarray:
    """Ours less the device's against their mean, a panel per measurement: bias (line) and limits (broken lines).

    Args:
        compared: `measurement, device, measured`, as `es.against_device` gives it.

    References:
        Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8.
    """
    names = [name for name, rows in compared.groupby("measurement", sort=False) if rows.dropna().shape[0] > 1]
    columns = min(4, max(1, len(names)))
    lines = -(-max(1, len(names)) // columns)
    if ax is None:
        ax = plt.subplots(lines, columns, figsize=(2.5 * columns, 2.4 * lines), squeeze=False)[1]
    panels = np.ravel(ax)
    for panel, name in zip(panels, names, strict=False):
        rows = compared[compared["measurement"] == name].dropna()
        mean, apart = (rows["device"] + rows["measured"]) / 2, rows["measured"] - rows["device"]
        bias, spread = apart.mean(), apart.std()
        panel.axhline(0, color=style.PALE, linewidth=3)
        panel.scatter(mean, apart, s=9, alpha=0.7, color=style.PROTOCOL_COLOURS["grouped"], linewidths=0)
        panel.axhline(bias, color=style.INK, linewidth=1)
        for limit in (bias - LIMIT * spread, bias + LIMIT * spread):
            panel.axhline(limit, color=style.INK, linewidth=0.8, linestyle="--")
        panel.set_title(f"{name!s}, {len(rows)} pages", fontsize=8)
        panel.tick_params(labelsize=7)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    figure = panels[0].figure
    figure.supxlabel("mean of both", fontsize=8)
    figure.supylabel("measured on the page less the device's own", fontsize=8)
    return ax


@style.drawing
def plot_residuals(left: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How much of I + III - II and of aVR + aVL + aVF is left on each page, cumulated over pages.

    Args:
        left: `page_id, law, median, layout`, as `es.lead_residuals` gives it with the manifest's layout.
    """
    ax = style.new_axes(6.4, 3.2, ax)
    for (layout, law), rows in left[left["layout"] != "other"].groupby(["layout", "law"]):
        values = np.sort(rows["median"].to_numpy()) * 1000
        line = "-" if law == "Einthoven" else "--"
        ax.plot(values, np.arange(1, values.size + 1) / values.size, line, color=_LAYOUT_LOOK[str(layout)][0],
                label=f"{layout}, {law}")  # fmt: skip
    ax.set_xscale("log")
    ax.set(xlabel="median absolute residual of a page (microvolts)", ylabel="share of pages", ylim=(0, 1))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(fontsize=7.5, loc="lower right")
    return ax


def plot_same_heart(found: Numbers, ax: Axes | None = None) -> Axes:
    """How alike the median beats of two pages are: pairs with one number beside pairs with different ones."""
    if found.pairs.empty:
        return style.drawing(plot_same_heart)(found.pairs, ax=ax)
    with style.styled():
        ax = style.new_axes(6.4, 3.0, ax)
        edges = np.append(found.distribution["low"], found.distribution["high"].iloc[-1])
        looks = {"different_numbers": ("different numbers", style.SOFT), "one_number": ("one number", "#D55E00")}
        for column, (name, colour) in looks.items():
            shares = found.distribution[column].to_numpy()
            ax.stairs(shares, edges, label=name, color=colour, linewidth=1.4, fill=column != "one_number", alpha=0.75)
        ax.axvline(ALIKE, color=style.INK, linewidth=0.8, linestyle=":")
        ax.text(ALIKE, ax.get_ylim()[1], "one heart ", ha="right", va="top", fontsize=8, rotation=90)
        ax.set(xlabel="correlation of the twelve median beats", ylabel="share of pairs", xlim=(-0.6, 1))
        ax.yaxis.set_major_formatter("{x:.0%}")
        style.legend_above(ax)
    return ax


@style.drawing
def plot_pairs(pairs: pd.DataFrame, measured: MeasuredPages, ax: Axes | None = None) -> Axes:
    """Median beats of two pages laid over each other, a row per pair, the twelve leads side by side.

    Args:
        pairs: `page_id, other_id, alike`, and `title` where a line above each row is wanted.
        measured: of these pages.
    """
    ax = style.new_axes(9.2, 1.05 * len(pairs) + 0.4, ax)
    rate, step = measured.sampling_rate, 2.2  # millivolts from row to row
    window = slice(*(round((beats.BEFORE_S + second) * rate) for second in (-0.2, 0.46)))
    for row, pair in enumerate(tables.each(pairs)):
        for page_id, colour in ((pair.page_id, style.INK), (pair.other_id, "#D55E00")):
            leads = measured.median_beats[measured.table.index.get_loc(page_id), :, window]
            for place, beat in enumerate(leads):
                level = np.nanmedian(beat) if np.isfinite(beat).any() else 0
                time = np.arange(beat.size) / rate + place * _LEAD_STEP_S
                ax.plot(time, np.clip(beat - level, -1.3, 1.3) - row * step, color=colour, linewidth=0.9, alpha=0.85)
        title = getattr(pair, "title", "")
        ax.text(0, 1.05 - row * step, f"{title}  correlation {pair.alike:.2f}".strip(), fontsize=7.5, va="bottom")
    for place, lead in enumerate(LEADS):
        ax.text(place * _LEAD_STEP_S + 0.3, -len(pairs) * step + 0.9, lead, ha="center", va="top", fontsize=8)
    ax.set(xlim=(-0.1, 12 * _LEAD_STEP_S), ylim=(-len(pairs) * step + 0.3, 1.7))
    ax.set_axis_off()
    return ax


@style.drawing
def plot_redrawn(rows: pd.DataFrame, pages: Pages, ax: np.ndarray | None = None) -> np.ndarray:
    """Pages as they are (left) and redrawn from their signals (right), one page a row.

    Args:
        rows: `page_id`, and `title` for the line above.
        pages: that hold them.
    """
    if ax is None:
        ax = plt.subplots(len(rows), 2, figsize=(9.2, 2.9 * len(rows)), squeeze=False)[1]
    for (before, after), row in zip(ax, tables.each(rows), strict=True):
        picture = figures_pages.waveform_picture(pages, str(row.page_id))
        before.imshow(picture, interpolation="antialiased")
        after.imshow(redraw.redraw(pages.picture(str(row.page_id))), interpolation="antialiased")
        before.set_title(getattr(row, "title", ""), fontsize=8)
        after.set_title("redrawn", fontsize=8)
        for panel in (before, after):
            panel.set_axis_off()
    return ax


def one_of_each_layout(manifest: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """A distinct page of every known layout, of one class where one class has them all: `page_id, label, title`."""
    pages = manifest.drop_duplicates("page_id")
    pages = pages[pages["layout"].isin(LAYOUTS[:3])]
    if pages.empty:
        return pages.assign(title="")[["page_id", "label", "title"]]
    spread = pages.groupby("label")["layout"].nunique()
    pages = pages[pages["label"] == spread.idxmax()].sample(frac=1, random_state=seed)
    drawn = pages.drop_duplicates("layout").sort_values("layout")
    return drawn.assign(title=drawn["layout"] + ", " + drawn["label"])[["page_id", "label", "title"]]


def some_pairs(found: Numbers) -> pd.DataFrame:
    """The most alike, a middling and the least alike pair of one number, and the most alike of different numbers."""
    own = found.pairs.sort_values("alike", ascending=False, ignore_index=True)
    if own.empty:
        return own.assign(title="")
    chosen = own.iloc[sorted({0, len(own) // 2, len(own) - 1})]
    chosen = chosen.assign(title="one number,")[["page_id", "other_id", "alike", "title"]]
    return pd.concat([chosen, found.strangers.head(1).assign(title="different numbers,")], ignore_index=True)
