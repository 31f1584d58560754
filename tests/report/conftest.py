"""Small finished tables, as the rooms above hand them on."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from ecgstudy.vocabulary import LADDER_COLUMNS, PROTOCOLS

mpl.use("Agg")

# model, weights, trained, balanced accuracy under as_published; each rung below loses 0.1
MODELS = (
    ("majority", "none", "all", 0.55),
    ("mobilenet", "random", "head", 0.65),
    ("baseline_cnn", "random", "all", 0.75),
    ("efficientnet_lite0", "imagenet", "head", 0.85),
)


@pytest.fixture
def ladder() -> pd.DataFrame:
    rows = [
        (model, weights, trained, protocol, "all", weighting, metric, value - 0.1 * rung, 0.1, 0.9, 491, 1)
        for (model, weights, trained, value), (rung, protocol) in itertools.product(MODELS, enumerate(PROTOCOLS))
        for metric in ("balanced_accuracy", "recall_mi")
        for weighting in ("plain", "selected")
    ]
    return pd.DataFrame(rows, columns=LADDER_COLUMNS)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")
