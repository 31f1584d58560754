"""How figures look: one style sheet, one fixed colour per class and per protocol, and how they are saved."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ecgstudy import files

# Hues after Okabe and Ito (2008) and Tol (2021). tests/report/test_style.py holds that they stay
# apart for red-blind and green-blind readers, and on a grey printer where the order matters.
CLASS_COLOURS = {"mi": "#D55E00", "abnormal": "#5B2A86", "history": "#F0C64A", "normal": "#2A9D8F"}
PROTOCOL_COLOURS = {"as_published": "#E69F00", "distinct": "#56B4E9", "grouped": "#0072B2", "unseen": "#1B1B3A"}
PROTOCOL_MARKERS = {"as_published": "s", "distinct": "o", "grouped": "D", "unseen": "v"}

INK, SOFT, PALE = "#222222", "#6E6E6E", "#E4E4E4"  # text, second-rank text, lines behind the data
CLAIM: dict[str, Any] = {
    "marker": "D",
    "facecolors": "white",
    "edgecolors": INK,
    "linewidths": 1.2,
}  # a claim is always hollow

STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure looks the same everywhere
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "ecgstudy",  # the same figure gives the same bytes
}

FORMATS: dict[str, dict[str, None]] = {".svg": {"Date": None}, ".png": {"Software": None}}  # and what not to write into


def use_style() -> None:
    """Make the study's style the default of this session, and show tables with their words whole; once per notebook."""
    mpl.rcParams.update(STYLE)
    pd.set_option("display.max_colwidth", None)


@contextmanager
def styled() -> Iterator[None]:
    """The study's style for the figures made inside, without a trace afterwards."""
    with mpl.rc_context(STYLE):
        yield


def drawing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that draws a table draw in the study's style.

    A table without rows gives axes that say so, because a study may lack what a figure is about (pages left out,
    damaged pages, controls), and a notebook has to go on.
    """

    @functools.wraps(function)
    def draw(table: Any, *others: Any, **options: Any) -> Any:
        with styled():
            if isinstance(table, pd.DataFrame) and table.empty:
                return _empty(function.__name__, options.get("ax"))
            return function(table, *others, **options)

    return draw


def _empty(name: str, ax: Axes | None) -> Axes:
    ax = new_axes(6.8, 1.0, ax)
    what = name.removeprefix("plot_").replace("_", " ")
    ax.text(0, 0.5, f"{what}: this study has nothing to show here", color=SOFT, va="center")
    ax.set_axis_off()
    return ax


def new_axes(width: float, height: float, ax: Axes | None = None) -> Axes:
    """The given axes, or those of a new figure of so many inches."""
    return ax if ax is not None else plt.subplots(figsize=(width, height))[1]


def save_figure(ax: Axes | np.ndarray, path: str | Path) -> Path:
    """Save the figure of these axes as SVG and as PNG; one that shows no data is not kept, nor an older one.

    Args:
        ax: what a drawing function returned: axes, or an array of them.
        path: where to, with or without suffix; its folder is made.

    Returns:
        The path of the SVG; the PNG lies beside it.
    """
    figure = np.ravel(np.asarray(ax, dtype=object))[0].figure
    base = Path(path).with_suffix("")
    if not any(own.has_data() for own in figure.axes):
        for suffix in FORMATS:
            base.with_suffix(suffix).unlink(missing_ok=True)
        return base.with_suffix(".svg")
    with styled():
        for suffix, metadata in FORMATS.items():
            options = {"metadata": metadata, "bbox_inches": "tight"}
            files.write_atomically(base.with_suffix(suffix), functools.partial(figure.savefig, **options))
    return base.with_suffix(".svg")


def legend_above(ax: Axes, pairs: Sequence[tuple] | None = None) -> None:
    """One line above the axes that ends at their right edge: the names at the left give it room.

    Args:
        ax: the axes.
        pairs: (handle, label); all labelled artists without it.
    """
    handles, labels = zip(*pairs, strict=True) if pairs else ax.get_legend_handles_labels()
    ax.legend(
        handles, labels, loc="lower right", bbox_to_anchor=(1, 1.02), ncols=6,
        borderaxespad=0, columnspacing=1.2, handletextpad=0.4, fontsize=8,
    )  # fmt: skip
