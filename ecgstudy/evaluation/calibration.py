"""Do the probabilities mean what they say? Prior correction, temperature scaling, reliability.

Everything is fitted on a run's inner out-of-fold predictions of its own training part (`part` is `inner`), and
applied to the pages that the same run tests, so test labels cannot move it.
"""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from ecgstudy.evaluation import intervals, pooling, probabilities
from ecgstudy.vocabulary import CLASSES, PROBABILITIES, choose

STAGES = ("raw", "temperature", "prior", "prior and temperature")
SMALLEST = 1e-12  # a probability of 0 would have no logarithm


@dataclass(frozen=True)
class Calibrator:
    """`softmax(log p / temperature + shift)`: above 1 a temperature makes less sure; a shift moves the prior."""

    temperature: float
    shift: np.ndarray  # (classes,), mean 0

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, shape `(pages, classes)`."""
        logits = np.log(np.clip(answers, SMALLEST, None)) / self.temperature + self.shift
        return special.softmax(logits, axis=-1)


def fit(labels: np.ndarray, answers: np.ndarray, stage: str = "prior and temperature") -> Calibrator:
    """The calibrator with the lowest log loss.

    Args:
        labels: int, shape `(pages,)`.
        answers: probabilities that were given without the page in training, shape `(pages, classes)`.
        stage: one of `STAGES`. `temperature` has one free number, `prior` three (class weights in training, or
            class frequencies that differ, move the prior that a model's answers imply), both together four.

    Raises:
        ValueError: a class has no page.

    References:
        Guo et al. 2017, arXiv:1706.04599; bias-corrected temperature scaling: Alexandari, Kundaje and Shrikumar
        2020, arXiv:1901.06852.
    """
    choose("stage", stage, STAGES)
    missing = [name for at, name in enumerate(CLASSES) if not np.any(labels == at)]
    if missing:
        raise ValueError(f"cannot calibrate: no inner prediction of class {missing[0]!r}")
    return _fit(np.asarray(labels, np.int64).tobytes(), np.asarray(answers, np.float64).tobytes(), stage)


@functools.lru_cache(maxsize=4096)  # several tables ask for the same run's; 10 kB each
def _fit(label_bytes: bytes, answer_bytes: bytes, stage: str) -> Calibrator:
    if stage == "raw":
        return Calibrator(1.0, np.zeros(len(CLASSES)))
    labels, answers = np.frombuffer(label_bytes, np.int64), np.frombuffer(answer_bytes).reshape(-1, len(CLASSES))
    logs = np.log(np.clip(answers, SMALLEST, None))
    true = np.eye(len(CLASSES))[labels]
    free_temperature, free_prior = "temperature" in stage, "prior" in stage

    def unpack(numbers: np.ndarray) -> Calibrator:
        temperature = float(np.exp(numbers[0])) if free_temperature else 1.0
        shift = np.append(numbers[1:], 0.0) if free_prior else np.zeros(len(CLASSES))
        return Calibrator(temperature, shift - shift.mean())

    def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        found = unpack(numbers)
        logits = logs / found.temperature + found.shift
        misses = special.softmax(logits, axis=1) - true  # (pages, classes): gradient of the loss by the logits
        slope = free_temperature * -np.mean(np.sum(misses * logs, axis=1)) / found.temperature
        gradient = np.append(slope, free_prior * misses.mean(axis=0)[:-1])
        return float(np.mean(special.logsumexp(logits, axis=1) - np.sum(logits * true, axis=1))), gradient

    bounds = [(-4.0, 4.0), *[(-8.0, 8.0)] * (len(CLASSES) - 1)]  # a model that knows nothing asks for infinity
    return unpack(optimize.minimize(loss, np.zeros(len(CLASSES)), jac=True, method="L-BFGS-B", bounds=bounds).x)


def move_prior(answers: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Probabilities for other class frequencies, the pictures of each class being alike.

    References:
        Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446.
    """
    odds = answers * (np.asarray(new) / np.asarray(old))
    return odds / odds.sum(axis=-1, keepdims=True)


def calibrators(predictions: pd.DataFrame, manifest: pd.DataFrame, stage: str) -> dict[str, Calibrator]:
    """One calibrator per run that has inner predictions, by the run's name; only `part == "inner"` is read."""
    labels = pooling.page_facts(manifest)["label"]
    return {
        str(run): fit(labels[rows["page_id"]].to_numpy(), pooling.probabilities(rows), stage)
        for run, rows in predictions[predictions["part"] == "inner"].groupby("run", sort=False)
    }


def calibrate(predictions: pd.DataFrame, manifest: pd.DataFrame, stage: str = "prior and temperature") -> pd.DataFrame:
    """Predictions with calibrated probabilities: the rows of all runs that have inner predictions.

    Runs without inner predictions are left out, so pool the raw ones from the same models when comparing.
    """
    found = calibrators(predictions, manifest, stage)
    kept = predictions[predictions["run"].isin(found)]
    answers = pooling.probabilities(kept)
    for run, rows in kept.groupby("run", sort=False).indices.items():
        answers[rows] = found[str(run)](answers[rows])
    return kept.assign(**dict(zip(PROBABILITIES, answers.T, strict=True)))


def reliability(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    protocol: str = "grouped",
    bins: int = 8,
    level: float = 0.95,
    stages: tuple[str, ...] = STAGES,
) -> pd.DataFrame:
    """How often a class is right among pages that were given about the same probability of it.

    Returns:
        `model, weights, trained, stage, label, bin, predicted, observed, low, high, pages`; bins hold about
        equally many pages. `predicted` is the mean probability, `observed` a share with Wilson's interval.
    """
    rows = []
    for stage in stages:
        calibrated = calibrate(pooling.clean(predictions), manifest, stage)
        for model, units in pooling.pool(calibrated, manifest, protocol).groupby(pooling.MODEL):
            answers, labels = pooling.probabilities(units), units["label"].to_numpy()
            for at, label in enumerate(CLASSES):
                found = _bins(answers[:, at], labels == at, bins, level)
                rows += [(*model, stage, label, *row) for row in found]
    names = [*pooling.MODEL, "stage", "label", "bin", "predicted", "observed", "low", "high", "pages"]
    return pd.DataFrame(rows, columns=names)


def _bins(probability: np.ndarray, is_class: np.ndarray, bins: int, level: float) -> list[tuple]:
    found, member = [], probabilities.even_bins(probability, bins)
    for at in np.unique(member):
        inside = member == at
        hits, pages = int(is_class[inside].sum()), int(inside.sum())
        predicted = float(probability[inside].mean())
        found.append((int(at), predicted, hits / pages, *intervals.wilson(hits, pages, level), pages))
    return found
