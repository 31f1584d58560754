"""Models whose answer is the mean of other models' answers, made from saved predictions. No TensorFlow here."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.vocabulary import PROBABILITIES

JOIN = "+"  # between the members in an average's name
_SAME_ANSWER = ["protocol", "seed", "fold", "variant", "path", "page_id", "part", "condition"]


def average_name(members: Sequence[str]) -> str:
    """`traces+efficientnet_lite0`: how an average stands in tables."""
    return JOIN.join(members)


def with_averages(predictions: pd.DataFrame, averages: Iterable[Sequence[str]]) -> pd.DataFrame:
    """Predictions, and below them those of each average: the plain mean of its members' probabilities.

    Members weigh the same and nothing is fitted, so an average needs no page of its own. It answers where all its
    members do: same protocol, seed, fold, part and page.

    Args:
        predictions: as `read_predictions` gives them.
        averages: the members of each; one whose members have no finished run is left out.

    Returns:
        The same columns. `weights` and `trained` of an average are those of its members that are networks.
    """
    here = set(predictions["model"])
    added = [_average(predictions, list(members)) for members in averages if here.issuperset(members)]
    return pd.concat([predictions, *added], ignore_index=True) if added else predictions


def _average(predictions: pd.DataFrame, members: list[str]) -> pd.DataFrame:
    probabilities = list(PROBABILITIES)
    own = predictions[predictions["model"].isin(members)]
    # Clean runs alone: a variant is one model's; a copy of a page stands in a split as often as its file.
    own = own[(own["variant"] == "clean") & (own["condition"] == "clean")]
    number = own.groupby([*_SAME_ANSWER, "model"]).cumcount()
    grouped = own.assign(number=number).groupby([*_SAME_ANSWER, "number"], sort=False)
    means = grouped[probabilities].mean()[grouped.size() == len(members)].reset_index().drop(columns="number")
    means[probabilities] = means[probabilities].div(means[probabilities].sum(axis=1), axis=0)
    name = average_name(members)
    networks = own[own["weights"] != "none"].drop_duplicates(["model"])
    runs_of = own.groupby(["protocol", "seed", "fold"])["run"].agg(
        lambda run: files.content_hash(*sorted(set(run)))[:12]
    )
    keys = runs_of.loc[pd.MultiIndex.from_frame(means[["protocol", "seed", "fold"]])].to_numpy()
    facts: dict[str, Any] = {
        "run": np.char.add(f"{name}-", keys.astype(str)),
        "model": name,
        "weights": JOIN.join(dict.fromkeys(networks["weights"])) or "none",
        "trained": JOIN.join(dict.fromkeys(networks["trained"])) or "all",
    }
    return means.assign(**facts)[list(predictions.columns)]
