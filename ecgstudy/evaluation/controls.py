"""How far does a model get without the heart? The same model on the header, the border, an empty grid.

A control that scores above chance shows a short cut: something on the page, or in how it was made, that tells the
class without an ECG. Permuted labels must score at chance, or the study itself leaks.
"""

import pandas as pd

from ecgstudy.evaluation import relative

CHANCE = 0.25

# variant -> what the model saw; a variant that is not listed is shown by its name
CONTROL_TITLES = {
    "clean": "the study's region",
    "header_only": "header only",
    "footer_only": "footer only",
    "border_only": "border only",
    "masked_trace": "grid with the trace masked",
    "how_made": "how the page was made (layout, strip lead, lead off, JPEG quality): logistic regression",
    "permuted_labels": "permuted labels",
}


def controls(predictions: pd.DataFrame, manifest: pd.DataFrame, **options) -> pd.DataFrame:
    """Scores of every variant that was trained beside the clean runs, and whether it beats chance.

    Args:
        predictions: with variants beside `clean`; learning curves (`share-...`) are left aside.
        manifest: one row per file.
        **options: of `relative.against_clean`.

    Returns:
        The columns of `relative.against_clean`, `title`, and `above_chance`: whether the whole interval of balanced
        accuracy lies above 1/4 (False for other scores).
    """
    is_share = predictions["variant"].str.startswith("share")
    table = relative.against_clean(predictions[~is_share], manifest, "variant", **options)
    is_balanced = table["metric"] == "balanced_accuracy"
    titles = table["variant"].map(CONTROL_TITLES).fillna(table["variant"].str.replace("_", " "))
    return table.assign(title=titles, above_chance=is_balanced & (table["low"] > CHANCE))
