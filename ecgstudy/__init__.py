"""Can a network find myocardial infarction on the picture of a printed ECG, and can its answer be trusted?

`import ecgstudy as es` is quick: each name below is loaded from its module when it is first used.
"""

import importlib
import os
from typing import Any

__version__ = "0.1.0"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter; its errors are raised all the same

# name -> the module that defines it; `es.<tab>` shows these
_NAMES = {
    "CLASSES": "vocabulary",
    "MANIFEST_COLUMNS": "vocabulary",
    "Study": "study",
    "measure": "pages.beats",
    "find_layout": "pages.layout",
    "write_signals": "pages.export",
    "trace": "pages.trace",
    "copies_table": "data.audit",
    "leakage": "data.audit",
    "open_study": "data.prepare",
    "load_pages": "data.shipped",
    "open_pages": "data.sources",
    "make_splits": "data.splits",
    "read_splits": "data.splits",
    "load_answer": "training.answers",
    "run_grid": "training.grid",
    "read_costs": "training.runs",
    "read_histories": "training.runs",
    "read_predictions": "training.runs",
    "study_runs": "training.runs",
    "calibrate": "evaluation.calibration",
    "reliability": "evaluation.calibration",
    "nested_choice": "evaluation.choice",
    "decision_curve": "evaluation.clinical",
    "risk_coverage": "evaluation.clinical",
    "compare": "evaluation.comparison",
    "compare_families": "evaluation.comparison",
    "coverage": "evaluation.conformal",
    "prediction_sets": "evaluation.conformal",
    "detection": "evaluation.detection",
    "headline": "evaluation.ladder",
    "ladder": "evaluation.ladder",
    "confusion": "evaluation.outcomes",
    "recalls": "evaluation.outcomes",
    "steps": "evaluation.steps",
    "gradcam_agreement": "explanation.crosscheck",
    "gradient_differences": "explanation.crosscheck",
    "occlusion_differences": "explanation.crosscheck",
    "mean_shares": "explanation.leads",
    "shares_table": "explanation.leads",
    "explain": "explanation.maps",
    "ablation_models": "report.ablations",
    "ablation_table": "report.ablations",
    "ablations_in_words": "report.ablations",
    "write_cards": "report.cards",
    "case_pictures": "report.cases",
    "cases": "report.cases",
    "check_claims": "report.claims",
    "claimed_counts": "report.claims",
    "read_claims": "report.claims",
    "plot_comparisons": "report.figures_clinical",
    "plot_coverage": "report.figures_clinical",
    "plot_decision_curve": "report.figures_clinical",
    "plot_reliability": "report.figures_clinical",
    "plot_risk_coverage": "report.figures_clinical",
    "training_costs": "report.costs",
    "plot_controls": "report.figures_controls",
    "plot_learning_curve": "report.figures_controls",
    "plot_recall_by": "report.figures_controls",
    "plot_recall_widths": "report.figures_controls",
    "plot_robustness": "report.figures_controls",
    "plot_copies": "report.figures_data",
    "plot_layouts": "report.figures_data",
    "plot_leakage": "report.figures_data",
    "plot_rates": "report.figures_data",
    "plot_selection": "report.figures_data",
    "overlay": "report.figures_pages",
    "plot_lead_boxes": "report.figures_pages",
    "plot_lead_shares": "report.figures_pages",
    "plot_maps": "report.figures_pages",
    "plot_pages": "report.figures_pages",
    "waveform_picture": "report.figures_pages",
    "plot_class_falls": "report.figures_scores",
    "plot_class_scores": "report.figures_scores",
    "plot_confusion": "report.figures_scores",
    "plot_cost": "report.figures_scores",
    "plot_ladder": "report.figures_scores",
    "plot_learning_curves": "report.figures_scores",
    "plot_steps": "report.figures_scores",
    "plot_ablations": "report.figures_training",
    "plot_confusions": "report.figures_training",
    "plot_costs": "report.figures_training",
    "plot_training": "report.figures_training",
    "write_report": "report.html",
    "study_results": "report.results",
    "save_figure": "report.style",
    "use_style": "report.style",
    "cost_table": "report.summaries",
    "group_counts": "report.summaries",
    "layout_counts": "report.summaries",
    "missing_models": "report.summaries",
    "model_table": "report.summaries",
    "part_counts": "report.summaries",
    "rate_table": "report.summaries",
    "sample_pages": "report.summaries",
    "selection_counts": "report.summaries",
    "with_backbones": "report.summaries",
    "backbone_pairs": "report.summaries",
    "label_changes": "report.summaries",
    "headline_rows": "report.tables",
    "model_title": "report.tables",
    "models_of": "report.tables",
    "save_table": "report.tables",
    "save_text": "report.tables",
    "to_markdown": "report.tables",
    "best_in_words": "report.words",
    "claims_in_words": "report.words",
    "copies_in_words": "report.words",
    "ladder_in_words": "report.words",
    "outside_in_words": "report.words",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'ecgstudy' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ecgstudy.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_NAMES, "__version__"])
