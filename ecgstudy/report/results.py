"""All result tables of a study: made from its saved answers, saved, and at hand for the figures."""

from collections import defaultdict

import pandas as pd

from ecgstudy.evaluation import results
from ecgstudy.report import tables
from ecgstudy.study import Study


def study_results(
    study: Study,
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    wanted: tuple[str, ...] | None = None,
    suffix: str = "",
) -> defaultdict[str, pd.DataFrame]:
    """Make the tables that the saved answers can serve, and save them in the study's folder.

    Args:
        study: gives the folder, the resamples and the level of intervals.
        predictions: as `es.read_predictions` gives them, of all models or of some.
        manifest: one row per file.
        wanted: names of tables, such as `ladder`, `recalls`, `confusion`; all by default.
        suffix: of the files' names, for a choice of models: `tables/ladder<suffix>.csv`.

    Returns:
        Table by name; a table that these answers cannot serve is empty.
    """
    options = {"resamples": study.evaluation.resamples, "level": study.evaluation.level}
    found: defaultdict[str, pd.DataFrame] = defaultdict(pd.DataFrame)
    for name, table in results.results(predictions, manifest, wanted=wanted, **options):  # type: ignore[arg-type]
        tables.save_table(table, study.folder / "tables" / f"{name}{suffix}")
        found[name] = table
    return found
