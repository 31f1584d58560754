"""The words that all rooms share: classes, layouts, protocols, leads and column names."""

from difflib import get_close_matches
from typing import Literal, get_args

CLASSES = ("mi", "abnormal", "history", "normal")  # this order everywhere: columns, softmax, confusion matrices
CLASS_TITLES = {
    "mi": "Myocardial infarction",
    "abnormal": "Abnormal heartbeat",
    "history": "History of MI",
    "normal": "Normal",
}

LAYOUTS = ("3x4", "6x2plain", "6x2grid", "other")
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

Protocol = Literal["as_published", "distinct", "grouped", "unseen"]
PROTOCOLS: tuple[Protocol, ...] = ("as_published", "distinct", "grouped", "unseen")
PROTOCOL_TITLES = {
    "as_published": "As published",
    "distinct": "Without copies",
    "grouped": "Grouped",
    "unseen": "Pages left out",
}

# what a run may learn from instead, to show what else than the heart tells the class; shares of the pages have
# names like `share-0.5`
Control = Literal["header_only", "footer_only", "border_only", "masked_trace", "how_made", "permuted_labels"]
CONTROLS: tuple[Control, ...] = get_args(Control)

# `unseen` and `inner` stand in predictions only: the pages left out of the selection, and the
# inner out-of-fold answers for the training part, from which thresholds are chosen.
PARTS = ("train", "validation", "test")

PROBABILITIES = tuple(f"p_{name}" for name in CLASSES)
MANIFEST_COLUMNS = ("path", "page_id", "label", "selected", "group", "layout", "width", "height")
SPLIT_COLUMNS = ("seed", "fold", "path", "page_id", "part")
PREDICTION_COLUMNS = ("path", "page_id", "part", "condition", *PROBABILITIES)
LADDER_COLUMNS = (
    "model", "weights", "trained", "protocol", "stratum", "weighting",
    "metric", "value", "low", "high", "pages", "seeds",
)  # fmt: skip

# printed wherever a person may read an answer or a score
DISCLAIMER = (
    "This is research software, not a medical device. It must not be used to diagnose, to treat, or to decide "
    "that somebody needs no doctor. If you suspect a heart attack, call the emergency number."
)


def choose(kind: str, name: str, known: tuple[str, ...] | list[str]) -> str:
    """Give `name` back if it is one of `known`.

    Raises:
        ValueError: it is not; the message names the nearest known word, or all of them.
    """
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
        raise ValueError(f"unknown {kind} {name!r}; {hint}")
    return name
