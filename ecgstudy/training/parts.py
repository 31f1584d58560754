"""Which pages a run learns from, stops on, answers: the rows of one fold, with their classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.data import splits
from ecgstudy.training.runs import CLEAN, Run
from ecgstudy.vocabulary import CLASSES, PARTS, PREDICTION_COLUMNS, PROBABILITIES, Protocol

INNER_FOLDS = 5


@dataclass(frozen=True)
class Parts:
    """The parts of one run, one row per file: `path, page_id, label, group` and `target`, the number of the class.

    `unseen` is empty but for runs of `grouped`.
    """

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    unseen: pd.DataFrame

    @property
    def learning(self) -> pd.DataFrame:
        """Training and validation part together."""
        return pd.concat([self.train, self.validation], ignore_index=True)


def run_parts(run: Run, manifest: pd.DataFrame, tables: Mapping[Protocol, pd.DataFrame]) -> Parts:
    """The parts of a run, from the manifest and the study's splits."""
    facts = manifest.set_index("path", drop=False).assign(target=manifest["label"].map(CLASSES.index).to_numpy())

    def rows(protocol: Any, part: str) -> pd.DataFrame:
        table = tables.get(protocol, pd.DataFrame(columns=["seed", "fold", "part", "path"]))
        chosen = table[(table["seed"] == run.seed) & (table["fold"] == run.fold) & (table["part"] == part)]
        return facts.loc[chosen["path"]].reset_index(drop=True)

    unseen = rows("unseen", "test") if run.protocol == "grouped" else facts.iloc[:0]
    train, validation, test = (rows(run.protocol, part) for part in PARTS)
    return Parts(train, validation, test, unseen)


def inner_numbers(run: Run, learning: pd.DataFrame) -> np.ndarray:
    """In which inner fold each page of the learning part is answered, shape `(pages,)`; groups stay together."""
    return splits.inner_folds(learning, folds=INNER_FOLDS, seed=run.seed)


def class_weights(targets: np.ndarray) -> np.ndarray:
    """Weights inverse to class frequency, one per class; they average to 1 over `targets`.

    A class without a page weighs nothing.
    """
    counts = np.bincount(targets, minlength=len(CLASSES))
    present = counts > 0
    return np.where(present, len(targets) / (present.sum() * np.maximum(counts, 1)), 0.0)


def answered(rows: pd.DataFrame, part: str, probabilities: np.ndarray, condition: str = CLEAN) -> pd.DataFrame:
    """A table of answers with `vocabulary.PREDICTION_COLUMNS`."""
    table = rows[["path", "page_id"]].reset_index(drop=True).assign(part=part, condition=condition)
    table[list(PROBABILITIES)] = np.asarray(probabilities, dtype="float64").round(7)
    return table[list(PREDICTION_COLUMNS)]
