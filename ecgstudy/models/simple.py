"""The baselines that a deep model must beat: class frequencies, one number, a small picture, measurements.

Each is a function `(inputs, labels, groups, seed) -> answer`, and an answer is a function from inputs to probabilities
`(rows, 4)`. Classes weigh the same in training, as they do in the networks' recipe.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pandas as pd
import threadpoolctl
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from ecgstudy.vocabulary import CLASSES

Answer = Callable[[Any], np.ndarray]

THUMBNAIL = (16, 28)  # pixels, height by width
INNER_FOLDS = 3


def fit(name: str, inputs: Any, labels: np.ndarray, *, groups: np.ndarray, seed: int) -> Answer:
    """Fit one of the simple models.

    Args:
        name: `majority`, `heart_rate`, `thumbnail` or `traces`.
        inputs: one row per page: a rate in beats per minute (NaN where none is known), a thumbnail (see
            `thumbnails`), or a table of measurements. `majority` reads only their number.
        labels: int, index into `CLASSES`, shape `(pages,)`; a page that stands twice counts twice.
        groups: shape `(pages,)`; what must stay together when a choice is made inside the training part.
        seed: of every random choice.

    Returns:
        A function from inputs of the same kind to probabilities, shape `(pages, 4)`.
    """
    # One thread: these matrices are small, and several threads wait for each other longer than they compute.
    with threadpoolctl.threadpool_limits(1):
        return SIMPLE[name](inputs, labels, groups, seed)


def majority(inputs: Any, labels: np.ndarray, groups: np.ndarray, seed: int) -> Answer:
    """The class frequencies of the training part, for every page."""
    shares = np.bincount(labels, minlength=len(CLASSES)) / len(labels)
    return lambda pages: np.tile(shares, (len(pages), 1))


def heart_rate(inputs: Any, labels: np.ndarray, groups: np.ndarray, seed: int) -> Answer:
    """Logistic regression on a spline of the rate, so that both slow and fast may be abnormal.

    A page without a rate gets the median and a mark.
    """
    spline = SplineTransformer(n_knots=4, degree=3, knots="quantile", extrapolation="constant")
    model = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), spline, _logistic(1.0))
    return _as_answer(model, _rate_columns, inputs, labels)


def thumbnail(inputs: Any, labels: np.ndarray, groups: np.ndarray, seed: int) -> Answer:
    """Logistic regression on a grey picture of 16 x 28 pixels, as `thumbnails` makes them."""
    return _as_answer(thumbnail_pipeline(), np.asarray, inputs, labels)


def thumbnail_pipeline() -> Pipeline:
    """What `thumbnail` fits: every pixel is standardised, then weighed."""
    return make_pipeline(StandardScaler(), _logistic(1e-3))


def traces(inputs: Any, labels: np.ndarray, groups: np.ndarray, seed: int) -> Answer:
    """Measurements of the 12 leads: a linear model, boosted trees or a forest, whichever does best inside training.

    The choice is by balanced accuracy over grouped inner folds; the test part has no say in it. Few bins and a quarter
    of the columns at each split make the boosted trees fast and, on inner folds, no worse. The forest
    is one of extremely randomised trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1).
    """
    filled = SimpleImputer(add_indicator=True, keep_empty_features=True)
    linear = make_pipeline(filled, StandardScaler(), _logistic(0.03))
    trees = HistGradientBoostingClassifier(
        class_weight="balanced", learning_rate=0.15, max_iter=40, max_leaf_nodes=8, max_bins=32, max_features=0.25,
        l2_regularization=1.0, random_state=seed,
    )  # fmt: skip
    typical = SimpleImputer(strategy="median", keep_empty_features=True)
    random_trees = ExtraTreesClassifier(
        150, min_samples_leaf=3, max_features=0.3, class_weight="balanced", random_state=seed
    )
    candidates = (linear, make_pipeline(Binned(bins=31), trees), make_pipeline(typical, random_trees))
    folds = StratifiedGroupKFold(INNER_FOLDS, shuffle=True, random_state=seed)
    even = compute_sample_weight("balanced", labels)
    scores = []
    for model in candidates:
        inner = cross_val_predict(model, _numbers(inputs), labels, groups=groups, cv=folds)
        scores.append(np.average(inner == labels, weights=even))
    return _as_answer(candidates[int(np.argmax(scores))], _numbers, inputs, labels)


class Binned(TransformerMixin, BaseEstimator):
    """Numbers as the bin that they fall into, each with about as many training rows; missing ones as -1, a bin apart.

    Boosted trees bin their columns themselves, but where rows weigh differently scikit-learn looks for every edge of
    every column by itself, which takes eight times as long as all the rest; on inner folds the trees are no worse.
    """

    def __init__(self, bins: int = 31):
        self.bins = bins

    def fit(self, inputs: np.ndarray, labels: Any = None) -> "Binned":
        """Find the edges: `inputs` are numbers `(rows, columns)`, NaN where missing."""
        shares = np.linspace(0, 1, self.bins + 1)[1:-1]
        known = [column[np.isfinite(column)] for column in inputs.T]
        self.edges_ = [np.unique(np.quantile(column, shares)) if column.size else np.empty(0) for column in known]
        return self

    def transform(self, inputs: np.ndarray) -> np.ndarray:
        """Bins from 0, float `(rows, columns)`."""
        columns = zip(self.edges_, inputs.T, strict=True)
        found = [np.searchsorted(edges, column, side="right") for edges, column in columns]
        return np.where(np.isfinite(inputs), np.column_stack(found), -1.0)


SIMPLE: dict[str, Callable[[Any, np.ndarray, np.ndarray, int], Answer]] = {
    "majority": majority,
    "heart_rate": heart_rate,
    "thumbnail": thumbnail,
    "traces": traces,
}


def thumbnails(pictures: np.ndarray) -> np.ndarray:
    """Small grey pictures as rows: `(pages, height, width, 3)` to `(pages, 448)`, 0 to 255."""
    height, width = THUMBNAIL
    grey = (picture.mean(axis=-1, dtype="float32") for picture in pictures)
    small = [cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) for picture in grey]
    return np.reshape(small, (len(pictures), height * width))


def _rate_columns(rates: np.ndarray) -> np.ndarray:
    rates = np.asarray(rates, dtype=float)
    return np.column_stack([rates, np.isnan(rates)])


def _numbers(table: pd.DataFrame) -> np.ndarray:
    return table.to_numpy(dtype=float)


def _logistic(c: float) -> LogisticRegression:
    return LogisticRegression(C=c, class_weight="balanced", max_iter=2000)


def _as_answer(model: Any, columns: Callable[[Any], np.ndarray], inputs: Any, labels: np.ndarray) -> Answer:
    """Fit, and give classes that the training part lacks a column of zeros."""
    model.fit(columns(inputs), labels)

    def answer(pages: Any) -> np.ndarray:
        probabilities = np.zeros((len(pages), len(CLASSES)))
        with threadpoolctl.threadpool_limits(1):
            probabilities[:, model.classes_] = model.predict_proba(columns(pages))
        return probabilities

    return answer
