"""Can a network find myocardial infarction on the picture of a printed ECG, and can its answer be trusted?

`import ecgstudy as es` is quick: each name below is loaded from its module when it is first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> the module that defines it; `es.<tab>` shows these
_NAMES = {
    # the study and its data
    "Study": "study",
    "open_study": "data.prepare",
    "open_pages": "data.sources",
    "load_pages": "data.shipped",
    "find_layout": "pages.layout",
    "copies_table": "data.audit",
    "leakage": "data.audit",
    "read_splits": "data.splits",
    # runs
    "run_grid": "training.grid",
    "study_runs": "training.runs",
    "read_predictions": "training.runs",
    "load_answer": "training.answers",
    # what they are worth
    "ladder": "evaluation.ladder",
    "headline": "evaluation.ladder",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'ecgstudy' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ecgstudy.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_NAMES, "__version__"])
