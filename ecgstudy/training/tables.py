"""Runs of the simple models: a table in, probabilities out, in less than a second each. No TensorFlow here."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.models import simple
from ecgstudy.training import parts, runs
from ecgstudy.training.parts import Parts
from ecgstudy.training.runs import Run


def train(run: Run, own: Parts, inputs: Any, page_rows: dict[str, int], folder: Path) -> None:
    """Fit a simple model on the whole learning part and write its answers.

    It has no use for a validation part: nothing is stopped. Runs of `grouped` also answer their own learning part, each
    page by a model that was fitted without its inner fold.

    Args:
        inputs: one row per distinct page (an array or a table).
        page_rows: page_id -> row of `inputs`.
    """
    began = time.monotonic()
    learning = own.learning

    def take(rows: pd.DataFrame) -> Any:
        numbers = [page_rows[page] for page in rows["page_id"]]
        return inputs.iloc[numbers] if isinstance(inputs, pd.DataFrame) else inputs[numbers]

    def fit(rows: pd.DataFrame) -> simple.Answer:
        targets, groups = rows["target"].to_numpy(), rows["group"].to_numpy()
        return simple.fit(run.model, take(rows), targets, groups=groups, seed=run.seed)

    answer = fit(learning)
    tables = [parts.answered(rows, part, answer(take(rows))) for part, rows in _asked(own)]
    if run.protocol == "grouped" and run.variant == runs.CLEAN:
        number = parts.inner_numbers(run, learning)
        inner = np.zeros((len(learning), len(parts.CLASSES)))
        for fold in np.unique(number):
            inner[number == fold] = fit(learning[number != fold])(take(learning[number == fold]))
        tables.append(parts.answered(learning, "inner", inner))
    folder.mkdir(parents=True, exist_ok=True)
    runs.finish(folder, run, pd.concat(tables), {"seconds": round(time.monotonic() - began, 3)})


def _asked(own: Parts) -> Sequence[tuple[str, pd.DataFrame]]:
    return [(part, rows) for part, rows in (("test", own.test), ("unseen", own.unseen)) if len(rows)]
