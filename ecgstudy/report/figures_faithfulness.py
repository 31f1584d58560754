"""Figures about maps: which tests they pass, and which leads decide in the eyes of which model."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ecgstudy.explanation import faithfulness, maps
from ecgstudy.explanation.faithfulness import GAIN, TESTS
from ecgstudy.explanation.leads import OUTSIDE, STRIP
from ecgstudy.report import style, tables
from ecgstudy.vocabulary import CLASS_TITLES, LEADS

PASSED, FAILED, UNDECIDED = "#BFE3DD", "#F6C9A8", "#EDEDED"  # tints of the class colours of normal and MI
_GROUPS = {
    "taken away, asked again": faithfulness.REMOVALS,
    "planted disease": ("pointing", "mass"),
    "planted footer": ("shortcut", "outside"),
    "likeness to a map of a model\nthat knows nothing": ("randomisation", "random_head", "permuted_labels"),
    "under\nnoise": ("stability",),
    "likeness to the maps of\nother": ("agreement_methods", "agreement_folds", "agreement_seeds", "agreement_halves"),
}
_SHORT = {
    "lead_removal": "lead", "randomisation": "shuffled\nweights", "random_head": "random\nhead",
    "permuted_labels": "permuted\nlabels",
    "stability": "same\nmodel", "agreement_methods": "methods", "agreement_folds": "folds",
    "agreement_seeds": "seeds", "agreement_halves": "halves of\ndrawn pages",
    "road": "ROAD", "pointing": "peak in it", "mass": "mass in it",
    "shortcut": "mass in it", "outside": "outside of\nwaveform",
}  # fmt: skip
_ARROWS = {1: "↑", -1: "↓", 0: ""}

# left, top, width and height of each region of a 3x4 page, in lead boxes
_PLACES = {
    **{lead: (number // 3, number % 3, 1, 1) for number, lead in enumerate(LEADS)},
    STRIP: (0, 3, 4, 1),
    OUTSIDE: (4.15, 0, 0.85, 4),
}
_BLOCK = (5.6, 5.0)  # what one class takes

Values = dict[tuple[str, str], tuple[float, float, float]]  # (method, test) -> value, low, high


@style.drawing
def plot_faithfulness(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One network's methods against the tests of faithfulness, at a glance.

    Green: better than every map that knows nothing of the model, by an interval that leaves out zero (or, where
    no control can say, on the right side of one half). Orange: worse than such a map, or on the wrong side. Grey:
    cannot be told apart. Under each method its verdict; below the line the maps that know nothing, without a verdict.

    Args:
        table: as `es.faithfulness_tables` gives it, of one model.
    """
    names = [name for name in maps.METHODS if name in set(table.method)]
    tests = [(group, test) for group, some in _GROUPS.items() for test in some if test in set(table.test)]
    values = {(row.method, row.test): (row.value, row.low, row.high) for row in tables.each(table)}
    words = faithfulness.verdicts(table).set_index("method").verdict
    ax = style.new_axes(1.9 + 0.72 * len(tests), 1.3 + 0.42 * len(names), ax)
    places = _columns([group for group, _ in tests])
    for row, name in enumerate(names):
        top = row + (0.35 if name in maps.CONTROLS else 0)
        for (_, test), left in zip(tests, places, strict=True):
            _cell(ax, left, top, *_shown(values, name, test))
        ax.text(-0.15, top + 0.36, maps.METHODS[name].title, ha="right", va="center", weight="bold", fontsize=8.5)
        below = words.get(name, "knows nothing of the model")
        ax.text(-0.15, top + 0.72, below, ha="right", va="center", fontsize=6.5, color=style.SOFT)
    _heads(ax, tests, places)
    ax.set(xlim=(-4.3, places[-1] + 1.05), ylim=(len(names) + 0.5, -2.3))
    ax.set_title(tables.model_title(str(table.model.iloc[0])), x=0, loc="left", pad=2)
    ax.set_axis_off()
    return ax


def _columns(groups: list[str]) -> list[float]:
    """Left edges, with a gap between groups."""
    jumps = [0.0, *(1.0 + 0.25 * (one != other) for one, other in itertools.pairwise(groups))]
    return list(np.cumsum(jumps))


def _shown(values: Values, name: str, test: str) -> tuple[str, str, bool]:
    """A cell's text, its colour, and whether its text stands back."""
    if (name, test) not in values:
        return "", "white", True
    value, _, _ = values[name, test]
    if np.isnan(value):
        return "no map", "white", True
    text = f"{value:.2f}"
    if name in maps.CONTROLS or TESTS[test].better == 0 or faithfulness.is_same_act(name, test):
        return text, "white", name in maps.CONTROLS
    if TESTS[test].limit is not None:
        return text, PASSED if faithfulness.keeps_limit(TESTS[test], value) else FAILED, False
    _, low, high = values[name, test + GAIN]
    return text, PASSED if low > 0 else FAILED if high < 0 else UNDECIDED, False


def _cell(ax: Axes, left: float, top: float, text: str, colour: str, pale: bool) -> None:
    ax.add_patch(Rectangle((left + 0.03, top + 0.06), 0.94, 0.88, facecolor=colour, edgecolor="none"))
    ink = style.SOFT if pale else style.INK
    ax.text(left + 0.5, top + 0.5, text, ha="center", va="center", fontsize=8, color=ink)


def _heads(ax: Axes, tests: list[tuple[str, str]], places: list[float]) -> None:
    for (_, test), left in zip(tests, places, strict=True):
        label = f"{_SHORT.get(test, test)} {_ARROWS[TESTS[test].better]}"
        ax.text(left + 0.5, -0.12, label, ha="center", va="bottom", fontsize=7, linespacing=1.1)
    for group in dict.fromkeys(group for group, _ in tests):
        own = [left for (name, _), left in zip(tests, places, strict=True) if name == group]
        ax.plot([own[0] + 0.03, own[-1] + 0.97], [-1.08, -1.08], color=style.SOFT, linewidth=0.8)
        ax.text((own[0] + own[-1] + 1) / 2, -1.18, group, ha="center", va="bottom", fontsize=7.5, color=style.SOFT)


@style.drawing
def plot_deciding_leads(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Which leads decide, by model and by who says so: shares in per cent, red above an even share and blue below it.

    Args:
        table: as `es.deciding_leads` gives it: `model, source, lead, share, even`.
    """
    parts = [part for _, part in table.groupby(["model", "source"], sort=False)]
    names = [f"{tables.model_title(part.model.iloc[0])}: {part.source.iloc[0]}" for part in parts]
    shares, even = (np.stack([part[name].to_numpy() for part in parts]) for name in ("share", "even"))
    return _shares(names, list(parts[0].lead), shares, even, ax)


@style.drawing
def plot_region_shares(table: pd.DataFrame, ax: Axes | None = None, *, rows: str) -> Axes:
    """How maps are shared among regions (leads, or parts of the beat), one row for each value of a column.

    Red: more than the region's share of the area, blue: less (by up to four times). The last row is that area.

    Args:
        table: as `es.mean_shares` gives it: `region, value, area` and the column `rows`.
        rows: what the rows are.
    """
    parts = [part for _, part in table.groupby(rows, sort=False)]
    values = np.stack([part.value.to_numpy() for part in parts])
    even = np.mean([part.area.to_numpy() for part in parts], axis=0)
    names = [_row_title(str(part[rows].iloc[0]), int(part.pages.iloc[0])) for part in parts]
    ax = _shares([*names, "share of the area"], list(parts[0].region), np.vstack([values, even]), even, ax)
    ax.axhline(len(values) - 0.5, color="white", linewidth=4)
    return ax


@style.drawing
def plot_lead_layout(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Mean shares of each class where the leads stand on a 3x4 page, the strip below them and `outside` beside.

    Red: more than the region's share of the area, blue: less (by up to four times).

    Args:
        table: as `es.network_shares` gives it, of one model: `label, region, value, area, pages`.
    """
    parts = {str(label): part.set_index("region") for label, part in table.groupby("label", sort=False)}
    across = min(2, len(parts))
    down = -(-len(parts) // across)
    ax = style.new_axes(4.8 * across, 2.7 * down, ax)
    for number, (label, part) in enumerate(parts.items()):
        left, top = (number % across) * _BLOCK[0], (number // across) * _BLOCK[1]
        ax.text(left, top - 0.15, _row_title(label, int(part.pages.iloc[0])), weight="bold", fontsize=8.5)
        for region, (x, y, width, height) in _PLACES.items():
            value, area = float(part["value"][region]), float(part["area"][region])
            colour, ink = _tint(value, area)
            box = (left + x + 0.02, top + y + 0.03), width - 0.04, height - 0.06
            ax.add_patch(Rectangle(*box, facecolor=colour, edgecolor="none"))
            text = f"{region}\n{value:.0%}" if area > 0 and np.isfinite(value) else region
            middle = left + x + width / 2, top + y + height / 2
            ax.text(*middle, text, ha="center", va="center", fontsize=7.5, color=ink)
    ax.set(xlim=(-0.05, across * _BLOCK[0] - 0.5), ylim=(down * _BLOCK[1] - 0.6, -0.6))
    ax.set_axis_off()
    return ax


def _tint(value: float, area: float) -> tuple[Any, str]:
    """Colour of a region by how many times its area it gets, and of the ink on it; grey where it is not on the page."""
    if not (area > 0 and np.isfinite(value)):
        return UNDECIDED, style.SOFT
    ratio = float(np.log2(max(value, 1e-3) / max(area, 1e-3)))
    return colormaps["RdBu_r"](np.clip((ratio + 2) / 4, 0, 1)), "white" if abs(ratio) > 1.4 else style.INK


def _row_title(name: str, pages: int) -> str:
    title = CLASS_TITLES.get(name, tables.model_title(name))
    return f"{title} ({pages} pages)"


def _shares(names: list[str], columns: list[str], shares: np.ndarray, even: np.ndarray, ax: Axes | None) -> Axes:
    ratio = np.log2(np.maximum(shares, 1e-3) / np.maximum(even, 1e-3))
    ax = style.new_axes(2.6 + 0.5 * len(columns), 0.6 + 0.36 * len(names), ax)
    ax.imshow(ratio, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            ink = "white" if abs(ratio[row, column]) > 1.4 else style.INK
            ax.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=7.5, color=ink)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(names)), names)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax
