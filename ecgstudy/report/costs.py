"""What models cost, beside what they score."""

import pandas as pd

from ecgstudy.report import tables

COST_COLUMNS = ["seconds", "epochs", "parameters_trained", "parameters"]


def training_costs(costs: pd.DataFrame, ladder: pd.DataFrame) -> pd.DataFrame:
    """Mean cost of a run under `grouped`, and the balanced accuracy that came of it, controls too.

    Args:
        costs: one row per finished run, as `es.read_costs` gives them.
        ladder: with vocabulary.LADDER_COLUMNS.

    Returns:
        One row per model in the registry's order: `model, weights, trained, seconds, epochs, parameters_trained,
        parameters, value, low, high`. Seconds are those of one run on the machine that trained it, without the pass
        through a frozen backbone, which all runs share; what a model that is no network does not have is unknown.
    """
    grouped = costs[costs["protocol"] == "grouped"].reindex(columns=["model", *COST_COLUMNS])
    spent = grouped.groupby("model")[COST_COLUMNS].mean()
    rows = tables.ladder_rows(ladder, controls=True)
    scored = rows[rows["protocol"] == "grouped"].set_index("model")[["weights", "trained", "value", "low", "high"]]
    both = scored.join(spent, how="inner").loc[lambda table: tables.order_models(table.index)]
    return both.reset_index()[["model", "weights", "trained", *COST_COLUMNS, "value", "low", "high"]]
