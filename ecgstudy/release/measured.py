"""How the handed-out model did on pages that it had not learned from, as plain data for its card and its answers."""

import math
from typing import Any

import pandas as pd

from ecgstudy.evaluation import calibration, conformal, detection, ladder, outcomes, pooling
from ecgstudy.release import decision

METRIC = "balanced_accuracy"


def measured(predictions: pd.DataFrame, manifest: pd.DataFrame, *, resamples: int, level: float) -> dict[str, Any]:
    """What the study measured of this model, for each of `grouped` and `unseen` that there are answers for.

    Score and recalls are the ladder's: they name the class that the members' raw answers favour, and these weigh all
    classes alike. Sets and alarms are made from calibrated answers, as for a new page.

    Args:
        predictions: of the members' runs alone.
        manifest: one row per file.
        resamples: of the bootstrap over groups.
        level: of all intervals.

    Returns:
        Protocol -> `score` (`balanced_accuracy` with `low`, `high`, `pages`), `recalls` (class -> `found`, `pages`,
        `low`, `high`), `coverage` of the prediction sets by class, and `alarms`: sensitivity and specificity by
        target and rule.
    """
    raw = pooling.clean(predictions)
    rows = calibration.calibrate(raw, manifest)
    table = ladder.ladder(raw, manifest, resamples=resamples, level=level)
    recalls = outcomes.recalls(raw, manifest, level=level)
    found = {}
    for protocol in ("grouped", "unseen"):
        own = table[(table["protocol"] == protocol) & (table["stratum"] == "all") & (table["metric"] == METRIC)]
        if own.empty:
            continue
        sets = conformal.prediction_sets(rows, manifest, protocol=protocol)
        alarms = detection.detection(
            rows, manifest, protocol=protocol, prevalences=(), resamples=resamples, level=level
        )
        found[protocol] = {
            "score": _records(own[own["weighting"] == "plain"], "metric", "value", "low", "high", "pages")[0],
            "recalls": _by_label(recalls[(recalls["protocol"] == protocol) & (recalls["stratum"] == "all")]),
            "coverage": _coverage(conformal.coverage(sets, alpha=decision.ALPHA, level=level)),
            "alarms": _records(alarms, "target", "rule", "metric", "value", "low", "high", "pages", "ill"),
        }
    return found


def _by_label(recalls: pd.DataFrame) -> dict[str, Any]:
    rows = _records(recalls, "label", "found", "pages", "low", "high")
    return {row.pop("label"): row for row in rows}


def _coverage(table: pd.DataFrame) -> dict[str, Any]:
    rows = _records(table, "label", "covered", "low", "high", "pages", "set_size")
    return {row.pop("label"): row for row in rows}


def _records(table: pd.DataFrame, *columns: str) -> list[dict[str, Any]]:
    """Rows as plain data, numbers to four digits."""
    rows = table[list(columns)].to_dict("records")
    return [{str(k): _plain(v) for k, v in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """A value as JSON knows it: what is not known is null."""
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


def as_table(record: dict[str, Any]) -> pd.DataFrame:
    """What stands in a release's record, in long form: `model, protocol, metric, value, low, high, pages`."""
    rows = []
    for protocol, own in record["measured"].items():
        rows.append(own["score"] | {"protocol": protocol})
        for label, row in own["recalls"].items():
            share = row["found"] / row["pages"] if row["pages"] else math.nan
            rows.append(row | {"protocol": protocol, "metric": f"recall of {label}", "value": round(share, 4)})
    table = pd.DataFrame(rows).assign(model=record["model"])
    return table[["model", "protocol", "metric", "value", "low", "high", "pages"]]
