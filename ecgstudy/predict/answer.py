"""What is said about one picture: a refusal, or probabilities with everything that qualifies them."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ecgstudy.pages import reading
from ecgstudy.pages.trace import Traced
from ecgstudy.predict.page import REASONS, CheckedPage
from ecgstudy.predict.steadiness import MOST_WAVER
from ecgstudy.release.leads_tested import said_of_leads
from ecgstudy.vocabulary import CLASSES, DISCLAIMER

INTERVALS = {"pr_ms": "PR", "qrs_ms": "QRS", "qt_ms": "QT", "qtc_ms": "QTc"}


@dataclass(frozen=True)
class Prediction:
    """One picture, judged or refused. `as_dict` is its JSON; what is not known is None.

    Attributes:
        path: of the picture, as it was given.
        reason: key of `page.REASONS` if refused, with what was measured in `measured`.
        probabilities: class -> calibrated probability, for class frequencies like the training pages'.
        prediction_set: the classes that cannot be ruled out.
        waver: by how much a probability changes, at most, when the page is changed in ways that nobody sees.
        alarms: target -> whether the risk is above the threshold of the rule "specificity 90%".
        rate: beats per minute, measured on the traces, with `intervals` in milliseconds. Measured facts
            are given for refused pages too, where the leads could be read.
        leads: lead -> by how much the probability of the likeliest class falls when the lead is blanked.
        familiar: the page, or a copy of it, may have been among the training pages: the answer proves nothing.
        distance: from the training pages in grey levels; refused above the release's limit.
        layout: of the page.
        turned: degrees by which the picture was turned back.
        read: share of the columns of a typical lead that could be read.
        model: which release answered.
        tested: how that model did on pages that it had not learned from, in words.
        leads_tested: how far `leads` were tested as an explanation of this model: a `sentence`, and `measured`, the
            tests' numbers (`release.leads_tested`).
        view: the picture that the model read, at the scale of the page; not in the JSON.
        traced: the signals, where they could be read; not in the JSON.
    """

    path: str
    model: str
    tested: str
    leads_tested: dict[str, Any] = field(default_factory=lambda: said_of_leads(None))
    reason: str | None = None
    measured: str | None = None
    probabilities: dict[str, float] | None = None
    prediction_set: tuple[str, ...] | None = None
    waver: float | None = None
    alarms: dict[str, bool] | None = None
    rate: float | None = None
    intervals: dict[str, float | None] = field(default_factory=dict)
    leads: dict[str, float] | None = None
    familiar: bool | None = None
    distance: float | None = None
    layout: str | None = None
    turned: float | None = None
    read: float | None = None
    view: np.ndarray | None = field(default=None, repr=False, compare=False)
    traced: Traced | None = field(default=None, repr=False, compare=False)

    @property
    def refused(self) -> bool:
        """Whether the picture could not be judged."""
        return self.reason is not None

    @property
    def abstained(self) -> bool | None:
        """Whether more or less than one class is left, or the answer wavers; None if refused."""
        if self.prediction_set is None or self.waver is None:
            return None
        return len(self.prediction_set) != 1 or self.waver > MOST_WAVER

    @property
    def likeliest(self) -> str | None:
        """The class with the highest probability; None if refused."""
        return None if self.probabilities is None else max(CLASSES, key=self.probabilities.__getitem__)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "path": self.path,
            "refused": self.refused,
            "reason": self.reason,
            "measured": self.measured,
            "probabilities": self.probabilities,
            "prediction_set": None if self.prediction_set is None else list(self.prediction_set),
            "abstained": self.abstained,
            "waver": self.waver,
            "alarms": self.alarms,
            "rate": self.rate,
            "intervals": self.intervals,
            "leads": self.leads,
            "familiar": self.familiar,
            "distance": self.distance,
            "layout": self.layout,
            "turned": self.turned,
            "read": self.read,
            "model": self.model,
            "tested": self.tested,
            "leads_tested": self.leads_tested,
            "disclaimer": DISCLAIMER,
        }


def heart(page: CheckedPage) -> dict[str, Any]:
    """Rate and intervals as a page's traces show them; None where they cannot be measured."""
    try:
        found = reading.measure(page.traced)
    except ValueError:  # no beat: flat or unreadable traces
        return {"rate": None, "intervals": dict.fromkeys(INTERVALS)}
    return {
        "rate": rounded(found.rate, 1),
        "intervals": {name: rounded(getattr(found, name), 0) for name in INTERVALS},
    }


def rounded(value: float, digits: int) -> float | None:
    """The value to so many digits; None if it is not a number."""
    return round(float(value), digits) if math.isfinite(value) else None


def in_words(prediction: Prediction) -> str:
    """A prediction for people: several lines, without the disclaimer."""
    lines = [Path(prediction.path).name]
    if prediction.reason is not None:
        lines.append(f"  refused, {prediction.reason}: {REASONS[prediction.reason]} ({prediction.measured})")
    else:
        lines += _judged(prediction)
    if prediction.rate is not None:
        known = [f"{INTERVALS[name]} {ms:.0f} ms" for name, ms in prediction.intervals.items() if ms]
        lines.append(f"  measured: {', '.join([f'rate {prediction.rate:.0f}/min', *known])}")
    return "\n".join(lines)


def _judged(prediction: Prediction) -> list[str]:
    assert prediction.probabilities is not None and prediction.prediction_set is not None
    shown = ", ".join(f"{name} {value:.2f}" for name, value in prediction.probabilities.items())
    lines = [f"  probabilities: {shown}", f"  {_set_in_words(prediction.prediction_set)}"]
    if prediction.waver is not None and prediction.waver > MOST_WAVER:
        lines.append(f"  abstains: changes that nobody sees move a probability by {prediction.waver:.2f}")
    if prediction.leads:
        ranked = sorted(prediction.leads.items(), key=lambda item: -item[1])[:3]
        told = ", ".join(f"{lead} ({fall:+.2f})" for lead, fall in ranked if fall >= 0.005)
        lines.append(
            f"  leads that speak most for {prediction.likeliest}: {told or 'none alone'}; each was blanked by itself, "
            "which tests what the model reads, not where the heart is ill"
        )
    if prediction.familiar:
        lines.append("  this page looks like one of the training pages: the answer proves nothing")
    return lines


def _set_in_words(classes: tuple[str, ...]) -> str:
    if len(classes) == 1:
        return f"one class is left: {classes[0]}"
    if not classes:
        return "abstains: the page fits no class"
    return f"abstains: cannot rule out {', '.join(classes)}"
