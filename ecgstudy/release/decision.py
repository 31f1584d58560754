"""From the members' raw answers to what is told: calibrated probabilities, prediction set, alarms.

All numbers come from pages that the answering member had not learned from. Calibrators and thresholds are fitted on
inner out-of-fold answers; the calibration pages of the prediction sets are the members' own held-out pages.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.evaluation import calibration, conformal, operating, pooling
from ecgstudy.vocabulary import CLASSES

ALPHA = 0.1  # a set leaves the true class out on about one page in ten


@dataclass(frozen=True)
class Decision:
    """How raw answers `(members, pages, 4)` become a decision; one calibrator per member.

    Attributes:
        calibrators: `softmax(log p / temperature + shift)` each.
        held_out: calibrated answers for the calibration pages, each from the member that had not seen it, `(n, 4)`.
        labels: their classes, int `(n,)`.
        folds: which member answered, int `(n,)`.
        thresholds: `(target, rule)` -> threshold of each member.
    """

    calibrators: tuple[calibration.Calibrator, ...]
    held_out: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    thresholds: dict[tuple[str, str], tuple[float, ...]]

    def calibrated(self, answers: np.ndarray) -> np.ndarray:
        """Calibrated answers of each member, `(members, pages, 4)`."""
        return np.stack([fitted(own) for fitted, own in zip(self.calibrators, answers, strict=True)])

    def probabilities(self, answers: np.ndarray) -> np.ndarray:
        """The mean of the members' calibrated probabilities, `(pages, 4)`: what the study tested on unseen pages."""
        return self.calibrated(answers).mean(axis=0)

    def p_values(self, answers: np.ndarray) -> np.ndarray:
        """For each page and class, how many calibration pages of the class fit it no better: in (0, 1]."""
        return conformal.p_values(self.held_out, self.labels, self.folds, self.calibrated(answers))

    def alarms(self, answers: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        """`(target, rule)` -> does the mean of risk less threshold over the members exceed zero? bool `(pages,)`."""
        own = self.calibrated(answers)
        found = {}
        for (target, rule), cuts in self.thresholds.items():
            columns = [CLASSES.index(name) for name in operating.TARGETS[target]]
            margins = own[..., columns].sum(axis=-1) - np.array(cuts)[:, None]
            found[target, rule] = margins.mean(axis=0) > 0
        return found

    @property
    def promises(self) -> dict[str, float]:
        """Class -> share of its pages whose set is guaranteed to hold it, if they are like the calibration pages."""
        members = len(self.calibrators)
        pages = np.bincount(self.labels, minlength=len(CLASSES))
        return {n: conformal.cross_promise(ALPHA, int(k), members) for n, k in zip(CLASSES, pages, strict=True)}

    @property
    def numbers(self) -> dict[str, Any]:
        """Calibrators and thresholds as plain data; the rest are `arrays`."""
        members = [{"temperature": c.temperature, "shift": [float(s) for s in c.shift]} for c in self.calibrators]
        cuts = [{"target": t, "rule": r, "members": list(v)} for (t, r), v in self.thresholds.items()]
        return {"calibrators": members, "thresholds": cuts, "alpha": ALPHA}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The calibration pages' answers, labels and members."""
        return {"held_out": self.held_out, "labels": self.labels, "folds": self.folds}

    @classmethod
    def read(cls, numbers: dict[str, Any], arrays: Any) -> "Decision":
        """From what `numbers` and `arrays` gave."""
        calibrators = [calibration.Calibrator(m["temperature"], np.array(m["shift"])) for m in numbers["calibrators"]]
        cuts = {(cut["target"], cut["rule"]): tuple(cut["members"]) for cut in numbers["thresholds"]}
        return cls(tuple(calibrators), arrays["held_out"], arrays["labels"], arrays["folds"], cuts)


def fit(predictions: pd.DataFrame, manifest: pd.DataFrame, runs: list[str]) -> Decision:
    """Fit a decision on saved predictions.

    Args:
        predictions: of these runs, parts `inner` and `test`.
        manifest: one row per file.
        runs: names of the members' runs, in the members' order.

    Raises:
        ValueError: a run has no inner predictions; a class has no page.
    """
    rows = pooling.clean(predictions)
    fitted = calibration.calibrators(rows, manifest, "prior and temperature")
    lacking = [run for run in runs if run not in fitted]
    if lacking:
        raise ValueError(f"{lacking[0]}: has no inner out-of-fold predictions, from which calibration is fitted")
    calibrated = calibration.calibrate(rows, manifest)
    chosen = operating.thresholds(calibrated, manifest)
    cuts = {
        (str(target), str(rule)): tuple(float(c) for c in own.set_index("run").loc[runs, "threshold"])
        for (target, rule), own in chosen.groupby(["target", "rule"], sort=False)
    }
    held_out = calibrated[calibrated["part"] == "test"]
    return Decision(
        tuple(fitted[run] for run in runs),
        pooling.probabilities(held_out),
        pooling.page_facts(manifest)["label"][held_out["page_id"]].to_numpy(),
        held_out["run"].map({run: at for at, run in enumerate(runs)}).to_numpy(),
        cuts,
    )
