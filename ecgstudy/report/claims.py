"""The published table as claims, and the arithmetic that its own numbers allow.

Source: "DL-MI-ECG: Deep Learning-Based Myocardial Infarction Detection from ECG Images" (public README and
report, 2025). Nothing here is a measurement of ours; tables and figures mark these numbers as claims.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.report import tables
from ecgstudy.vocabulary import CLASSES, choose

# The counts that its text gives, per class in the order of CLASSES.
CLAIMED_TRAIN_FILES = dict(zip(CLASSES, (956, 699, 516, 852), strict=True))
CLAIMED_TEST_FILES = dict(zip(CLASSES, (239, 233, 172, 284), strict=True))
ROUNDING = 0.005  # the table prints two digits


def read_claims() -> pd.DataFrame:
    """The published table: `model, registry_name, family, accuracy, precision, recall, f1`, one row per model."""
    with resources.files("ecgstudy").joinpath("published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def claimed_counts(published_files: Mapping[str, int]) -> pd.DataFrame:
    """The claimed train and test counts beside the files that were published at all.

    Args:
        published_files: files per class in the public set.

    Returns:
        One row per class: `label, published, claimed_test, claimed_train, train_per_published`. A test count
        that equals the published one leaves no unseen file for training.
    """
    table = pd.DataFrame({"label": CLASSES})
    table["published"] = [int(published_files.get(label, 0)) for label in CLASSES]
    table["claimed_test"] = list(CLAIMED_TEST_FILES.values())
    table["claimed_train"] = list(CLAIMED_TRAIN_FILES.values())
    table["train_per_published"] = table.claimed_train / table.published.where(table.published > 0)
    return table


def constant_answer(label: str, counts: Mapping[str, int] = CLAIMED_TEST_FILES) -> dict[str, float]:
    """What a model scores that answers `label` whatever it sees.

    Precision and F1 of the classes that it never names count as 0, as scikit-learn does.

    Returns:
        `accuracy`, and the plain class means `precision`, `recall` and `f1`.
    """
    choose("class", label, CLASSES)
    share = counts[label] / sum(counts.values())
    classes = len(counts)
    f1 = 2 * share / (1 + share)
    return {"accuracy": share, "precision": share / classes, "recall": 1 / classes, "f1": f1 / classes}


def accuracy_range(macro_recall: float, counts: Mapping[str, int] = CLAIMED_TEST_FILES) -> tuple[float, float]:
    """The lowest and the highest accuracy that a macro recall allows on these class sizes.

    The recalls of the classes add up to `classes * macro_recall`. Accuracy is lowest when that sum is spent
    on the smallest classes first, and highest when it is spent on the largest.
    """
    sizes = np.sort(np.array(list(counts.values()), dtype=float))
    shares = sizes / sizes.sum()
    spent = np.clip(len(shares) * macro_recall - np.arange(len(shares)), 0, 1)  # the recall left for each class
    return float(shares @ spent), float(shares[::-1] @ spent)


def check_claims(claims: pd.DataFrame, counts: Mapping[str, int] = CLAIMED_TEST_FILES) -> pd.DataFrame:
    """Can each row of the published table be, and is it a constant answer?

    Returns:
        One row per claim: `model, accuracy, recall, lowest, highest` (accuracies that the printed recall allows,
        rounding included), `possible`, and `constant`: the class that a model answering always the same
        would have to name to score exactly the printed row, or an empty string.
    """
    rows = []
    for claim in tables.each(claims):
        lowest = accuracy_range(max(0.0, claim.recall - ROUNDING), counts)[0]
        highest = accuracy_range(min(1.0, claim.recall + ROUNDING), counts)[1]
        possible = lowest - ROUNDING <= claim.accuracy <= highest + ROUNDING
        rows.append((claim.model, claim.accuracy, claim.recall, lowest, highest, possible, _constant(claim, counts)))
    return pd.DataFrame(rows, columns=["model", "accuracy", "recall", "lowest", "highest", "possible", "constant"])


def _constant(claim: Any, counts: Mapping[str, int]) -> str:
    for label in counts:
        scores = constant_answer(label, counts)
        if all(abs(getattr(claim, name) - value) <= ROUNDING for name, value in scores.items()):
            return label
    return ""
