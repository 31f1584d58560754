"""Predictions as files: one table of many pictures, one figure of each."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ecgstudy import files
from ecgstudy.evaluation import operating
from ecgstudy.predict.answer import INTERVALS, Prediction
from ecgstudy.predict.ask import tested
from ecgstudy.predict.figure import plot_prediction
from ecgstudy.release.leads_tested import said_of_leads
from ecgstudy.release.load import Released
from ecgstudy.report.style import styled
from ecgstudy.vocabulary import CLASSES, DISCLAIMER

PLAIN = (
    "path", "refused", "reason", "measured", "likeliest", "prediction_set", "abstained", "waver", "rate", "familiar",
    "distance", "layout", "turned", "read", "model",
)  # fmt: skip


def table(predictions: Sequence[Prediction]) -> pd.DataFrame:
    """One row per picture: the fields of `Prediction`, `p_<class>`, `alarm_<target>`, and intervals in milliseconds.

    Classes of a prediction set stand with spaces between them. What is not known is empty.
    """
    return pd.DataFrame([_row(one) for one in predictions])


def write_table(predictions: Sequence[Prediction], path: Path) -> Path:
    """`table` as CSV."""
    found = table(predictions)
    return files.write_atomically(path, lambda temporary: found.to_csv(temporary, index=False))


def write_figure(prediction: Prediction, path: Path) -> Path:
    """`plot_prediction` as a PNG, of refused pictures too."""
    axes = plot_prediction(prediction)
    figure = axes[0].figure
    with styled():
        written = files.write_atomically(path, lambda temporary: figure.savefig(temporary, bbox_inches="tight"))
    plt.close(figure)
    return written


def closing_words(released: Released) -> str:
    """Which model answered, how it did on pages that it had not learned from, and what it must not be used for.

    Between them stands how far the leads that it names were tested.
    """
    return "\n".join([released.name, tested(released), said_of_leads(released.leads_tested)["sentence"], DISCLAIMER])


def _row(one: Prediction) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(one, name) for name in PLAIN}
    row["prediction_set"] = None if one.prediction_set is None else " ".join(one.prediction_set)
    row |= {f"p_{name}": (one.probabilities or {}).get(name) for name in CLASSES}
    row |= {f"alarm_{name}": (one.alarms or {}).get(name) for name in operating.TARGETS}
    return row | {name: one.intervals.get(name) for name in INTERVALS}
