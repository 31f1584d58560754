"""How far one may trust the leads that an answer names: what the study's tests of explanations found for this model.

Leads are named by blanking each of them, the method `lead_occlusion`. A study tests it in its fourth notebook, after
its first release: until it is released again, the numbers are in its tables alone.
"""

from pathlib import Path
from typing import Any

METHOD = "lead_occlusion"
TABLE = "faithfulness.csv"  # of `explanation.faithfulness`, among a study's tables


def of_study(folder: Path, model: str) -> dict[str, Any] | None:
    """What a study's finished table says of naming leads for a model: `verdict`, `reasons`, `tests`.

    Args:
        folder: the study's.
        model: its name.

    Returns:
        `tests` has one entry per test with `value`, `low`, `high`. None where the study did not test it.
    """
    path = folder / "tables" / TABLE
    if not path.is_file():
        return None
    import pandas as pd

    return of_table(pd.read_csv(path), model)


def of_table(table: Any, model: str) -> dict[str, Any] | None:
    """As `of_study`, from the table itself."""
    from ecgstudy.explanation import faithfulness

    own = table[(table["model"] == model) & (table["method"] == METHOD)]
    if own["value"].isna().all():
        return None
    verdict = faithfulness.verdicts(own).iloc[0]
    tests = {
        str(row.test): {"value": round(row.value, 3), "low": round(row.low, 3), "high": round(row.high, 3)}
        for row in own.dropna().itertuples()
    }
    return {"verdict": str(verdict.verdict), "reasons": str(verdict.reasons), "tests": tests}


def said_of_leads(tested: dict[str, Any] | None) -> dict[str, Any]:
    """For people and for JSON: a `sentence`, and the tests' numbers as `measured` (None where there are none).

    Args:
        tested: as `of_study` gives it.
    """
    what = "Leads are named by blanking each by itself: it tells what the model reads, not where the heart is ill."
    if tested is None:
        return {"sentence": f"{what} How far that can be trusted was not tested for this model.", "measured": None}
    found = f"Tested on one of this model's networks: {tested['verdict']}. It {tested['reasons']}."
    return {"sentence": f"{what} {found}", "measured": tested["tests"]}
