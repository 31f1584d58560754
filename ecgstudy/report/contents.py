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
            Item("table", "claimed_split", "The split that these counts imply, run with two simple models."),
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
        "Scores are from out-of-fold answers under grouped, where nothing else is said.",
        (
            Item("figure", "ladder_baselines", "The ladder of simple models and plain backbones."),
            Item("figure", "ladder_modified", "The ladder of modified models, beside the backbones they start from."),
            Item("figure", "against_backbone", "Each change to a backbone against the plain backbone, paired."),
            Item("figure", "ablations", "Each part of a change alone, with the budget of its plain backbone."),
            Item("table", "ablations", "What each part of a change adds, in numbers."),
            Item("figure", "class_recall_baselines", "Recall of each class: simple models and plain backbones."),
            Item("figure", "class_recall_modified", "Recall of each class: modified models."),
            Item("figure", "confusion", "Where the pages of each class go: modified models and their backbones."),
            Item(
                "figure", "confusion_baselines", "Where the pages of each class go: simple models and plain backbones."
            ),
            Item("figure", "cost", "What modified models score, and what they cost."),
            Item("figure", "cost_baselines", "What simple models and plain backbones score, and what they cost."),
            Item("table", "cost_baselines", "What a run costs, and what it scores."),
            Item("figure", "learning_curves_baselines", "Loss by epoch, every run of the baselines."),
            Item("figure", "learning_curves_modified", "Loss by epoch, every run of the modified models."),
        ),
    ),
    Section(
        "comparisons",
        "Comparisons",
        "Every network against each simple baseline on the same pages; the comparisons were named before any score was "
        "seen.",
        (
            Item(
                "figure", "comparisons", "Differences with paired intervals, and p values corrected by Holm's method."
            ),
            Item("table", "comparisons", "The comparisons in numbers."),
        ),
    ),
    Section(
        "benchmark",
        "The benchmark on the complete set",
        "All pages at hand, all layouts, grouped: measured with params/complete.yaml and committed with the project.",
        (Item("table", "benchmark", "Macro F1 with 95 % interval; models trained on the complete set."),),
    ),
    Section(
        "fall",
        "Why the score falls",
        "The fall class by class, what the pages left out have in common, and what a model reaches without a heart.",
        (
            Item("figure", "class_falls", "Recall of each class on each rung."),
            Item("figure", "unseen_by_rate", "Recall among the pages left out, by printed heart rate."),
            Item("figure", "unseen_confusion", "Where the pages left out go."),
            Item("table", "selection_visible", "Can selected pages be told from those left out, within a class?"),
            Item("table", "device_disagreement", "The device's printed reading, by label."),
            Item("figure", "controls", "The same model on parts of the page that hold no heart."),
            Item("figure", "controls_originals", "The same on original pages, which have header, footer and border."),
            Item("figure", "robustness", "Balanced accuracy on damaged pages."),
            Item("figure", "learning_curve", "Balanced accuracy by the number of pages learned from."),
            Item("figure", "recall_widths", "How far more infarctions would narrow the interval of their recall."),
        ),
    ),
    Section(
        "use",
        "What it would mean in use",
        "Thresholds, calibration and prediction sets come from inner predictions of the training part; the test part "
        "never moved them.",
        (
            Item("figure", "decision_curve", "Net benefit of acting on a model's risk of infarction."),
            Item("figure", "reliability", "Does a probability mean what it says?"),
            Item("figure", "risk_coverage", "Abstaining from what a model is unsure of."),
            Item("figure", "coverage", "How often prediction sets hold the true class."),
        ),
    ),
    Section(
        "explanations",
        "Explanations",
        "A map shows where a model's answer depends on the page. It does not show that the answer is right, nor "
        "that the place means what a cardiologist reads there.",
        (
            Item("figure", "maps", "Maps over pages: red speaks for the class that was answered."),
            Item("figure", "lead_shares", "The maps by lead: red where a lead gets more than its share of the area."),
            Item("table", "gradcam_agreement", "Agreement with an independent program."),
        ),
    ),
)
