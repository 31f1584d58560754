"""Which model is best, decided without a look at the pages that it is then scored on."""

import numpy as np
import pandas as pd

from ecgstudy.evaluation import metrics, pooling
from ecgstudy.vocabulary import choose

MODEL = pooling.MODEL
CHOSEN = "chosen"


def inner_scores(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, metric: str = "balanced_accuracy"
) -> pd.DataFrame:
    """Every run's score on the inner out-of-fold predictions of its own training part.

    Returns:
        `run, model, weights, trained, protocol, seed, fold, value`; test pages are not read.
    """
    choose("metric", metric, list(metrics.METRICS))
    labels, rows = pooling.page_facts(manifest)["label"], []
    inner = pooling.clean(predictions).query("part == 'inner'")
    keys = ["run", *MODEL, "protocol", "seed", "fold"]
    for key, own in inner.assign(**{name: inner[name].fillna("") for name in MODEL}).groupby(keys, sort=True):
        value = metrics.score(metric, labels[own["page_id"]].to_numpy(), pooling.probabilities(own))
        rows.append((*key, float(value)))
    return pd.DataFrame(rows, columns=[*keys, "value"])


def best_model(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, metric: str = "balanced_accuracy", leave_out: tuple = ()
) -> str:
    """The model with the best mean inner score over all folds and seeds: the one to hand out.

    Raises:
        ValueError: no model has inner predictions.
    """
    scores = inner_scores(predictions[~predictions["model"].isin(leave_out)], manifest, metric=metric)
    if scores.empty:
        raise ValueError("no run has inner predictions to choose a model by; run the protocol 'grouped' first")
    means = scores.groupby("model")["value"].mean() * (1 if metrics.METRICS[metric].higher_is_better else -1)
    return str(means.idxmax())


def nested_choice(
    predictions: pd.DataFrame, manifest: pd.DataFrame, *, metric: str = "balanced_accuracy"
) -> pd.DataFrame:
    """Predictions of "take the best": in each fold those of the model with the best inner score there.

    What it scores is what one may expect of choosing among these models; the best test score of several models
    is not.

    Returns:
        Rows of the predictions, their model named `chosen`, `weights` and `trained` empty; the model behind
        each row is in `choice`.

    References:
        Cawley and Talbot 2010, On over-fitting in model selection, JMLR 11.
    """
    scores = inner_scores(predictions, manifest, metric=metric)
    signed = np.where(metrics.METRICS[metric].higher_is_better, scores["value"], -scores["value"])
    best = scores.loc[scores.assign(signed=signed).groupby(["protocol", "seed", "fold"])["signed"].idxmax()]
    kept = predictions[predictions["run"].isin(best["run"])]
    return kept.assign(choice=kept["model"], model=CHOSEN, weights="", trained="")
