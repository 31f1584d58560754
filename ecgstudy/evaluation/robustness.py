"""How much of its score does a model keep on damaged pages?"""

import pandas as pd

from ecgstudy.evaluation import relative

CHANCE = 0.25  # balanced accuracy of an answer that ignores the page


def robustness(predictions: pd.DataFrame, manifest: pd.DataFrame, **options) -> pd.DataFrame:
    """Scores under each damage and severity, relative to clean pages.

    Args:
        predictions: with conditions named `<damage>-<severity>`, such as `blur-3`, beside `clean`.
        manifest: one row per file.
        **options: of `relative.against_clean`.

    Returns:
        Its columns, and `damage`, `severity` (0 for clean) and `kept`: the share of the clean score above chance
        that is left (for balanced accuracy; NaN for other scores, or where clean is not above chance).

    References:
        Corruptions in five severities: Hendrycks and Dietterich 2019, arXiv:1903.12261.
    """
    table = relative.against_clean(predictions, manifest, "condition", **options)
    parts = table["condition"].str.extract(r"^(?P<damage>.+?)[-_ :]?(?P<severity>\d+)?$")
    table["damage"] = parts["damage"]
    table["severity"] = parts["severity"].fillna(0).astype(int)
    above = (table["clean"] - CHANCE).where((table["metric"] == "balanced_accuracy") & (table["clean"] > CHANCE))
    table["kept"] = (table["value"] - CHANCE) / above
    return table.sort_values([*relative.MODEL, "metric", "damage", "severity"], kind="stable").reset_index(drop=True)


def mean_over_damages(table: pd.DataFrame, metric: str = "balanced_accuracy") -> pd.DataFrame:
    """One row per model and severity: the mean over damages of value, difference and share kept, and the worst."""
    rows = table[(table["metric"] == metric) & (table["severity"] > 0)]
    worst = rows.loc[rows.groupby([*relative.MODEL, "severity"])["value"].idxmin()]
    means = rows.groupby([*relative.MODEL, "severity"])[["value", "difference", "kept"]].mean()
    named = worst.set_index([*relative.MODEL, "severity"])[["damage", "value"]]
    return means.join(named.rename(columns={"damage": "worst_damage", "value": "worst_value"})).reset_index()
