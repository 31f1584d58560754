"""What stands in the report, in which order, and what each figure and table says: plain data."""

from dataclasses import dataclass

NOTEBOOKS = {
    "01_eda": "The data: copies, layouts, what was selected",
    "02_baselines": "Baselines: simple ones and published backbones",
    "03_modified_models": "Modified models: attention, bottleneck, leads",
    "04_explainability": "Explanations: what the maps show, and what they do not",
    "05_results": "Results: the ladder, the published claims, the limits",
}


@dataclass(frozen=True)
class Item:
    """A figure or a table, by the stem of its file; it is left out where the file is missing."""

    kind: str  # figure or table
    name: str
    caption: str
    claim: bool = False  # numbers that others published, not measured here


@dataclass(frozen=True)
class Section:
    """A heading of the report with the text below it."""

    anchor: str
    title: str
    text: str
    items: tuple[Item, ...]


SECTIONS = (
    Section(
        "ladder",
        "The ladder",
        "Every model answers the same question on four rungs. As published: files are split at random, so copies of "
        "a test page may stand in training. Without copies: each distinct page counts once. Grouped: pages with one "
        "printed record number stay together. Pages left out: pages of the same hospital that the public set "
        "dropped when its second version was made, answered by the grouped models. The score is balanced accuracy, "
        "the mean of the four classes' recall; an answer that ignores the page reaches 0.25.",
        (
            Item("figure", "ladder", "Balanced accuracy on the four rungs with 95 % intervals. Hollow: claims."),
            Item("table", "headline", "Balanced accuracy with 95 % interval. Random frozen weights are a control."),
            Item("figure", "steps", "The size of each step of the ladder, with its interval."),
            Item("table", "steps", "The steps in numbers."),
        ),
    ),
    Section(
        "claims",
        "The published claims",
        "These numbers were published by others and are quoted, not measured. The second table asks what they allow "
        "by arithmetic alone.",
        (
            Item("table", "claims", "The published table, as printed.", claim=True),
            Item("table", "claims_checked", "Accuracies that the printed recall allows on the printed class sizes."),
            Item("table", "claimed_counts", "The printed counts beside the files that exist.", claim=True),
        ),
    ),
    Section(
        "data",
        "The data",
        "Files with the same decoded pixels are one page. Pages are grouped by the printed record number, which the "
        "study keeps renumbered only.",
        (
            Item("figure", "copies", "Files and the distinct pages that they show."),
            Item("table", "copies", "Files and distinct pages."),
            Item("figure", "leakage", "Share of test files with a copy in their own training part, random split."),
            Item("table", "leakage", "Leakage of the random split."),
            Item("figure", "pages", "Pages of each class, waveform area only."),
            Item("figure", "layouts", "The classes in each layout: the arrangement alone says a lot."),
            Item("figure", "lead_boxes", "Where the leads are on a page, as found by the package."),
            Item("figure", "selection", "Pages selected for the second version, and pages left out."),
            Item("figure", "rates", "Printed heart rates, selected pages beside the pages left out."),
        ),
    ),
    Section(
        "models",
        "The models",
        "Scores are from out-of-fold answers of the grouped protocol, where one number is wanted.",
        (
            Item("figure", "class_recall", "Recall of each class under grouped."),
            Item("figure", "class_falls", "Recall of each class on each rung, best model."),
            Item("table", "class_scores", "Scores of each class under grouped."),
            Item("figure", "confusion", "Where the pages of each class go."),
            Item("figure", "cost", "Score against size."),
            Item("figure", "learning_curves", "Loss by epoch, every run."),
        ),
    ),
    Section(
        "explanations",
        "Explanations",
        "A map shows where a model's answer depends on the page. It does not show that the answer is right, nor "
        "that the place means what a cardiologist reads there.",
        (Item("figure", "maps", "Maps over pages: red speaks for the class, blue against it."),),
    ),
)
