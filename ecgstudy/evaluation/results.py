"""Every table of this room from one set of saved predictions, so that results can be rebuilt without training."""

from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd

from ecgstudy.evaluation import (
    calibration,
    choice,
    clinical,
    comparison,
    conformal,
    controls,
    detection,
    ladder,
    outcomes,
    pooling,
    robustness,
    sample_size,
    selection,
    steps,
)

BPM_EDGES = (60, 75, 90, 105, 120)


def results(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
    wanted: tuple[str, ...] | None = None,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables that the predictions can serve, by name, one at a time.

    Args:
        predictions: of finished runs, with variants and conditions where there are any.
        manifest: one row per file.
        resamples: of every bootstrap.
        level: of every interval.
        seed: of every resample.
        wanted: names of tables; all by default. Names that the predictions cannot serve are left out.

    Yields:
        `name, table`; `tables/<name>.csv` is where it belongs.
    """
    makers = _makers(predictions, manifest, resamples=resamples, level=level, seed=seed)
    for name, make in makers.items():
        if wanted is None or name in wanted:
            table = make()
            if len(table):
                yield name, table


def served(predictions: pd.DataFrame, manifest: pd.DataFrame) -> list[str]:
    """Names of the tables that the predictions can serve, in the order of `results`."""
    return list(_makers(predictions, manifest, resamples=1, level=0.95, seed=0))


def _makers(predictions, manifest, **options) -> dict[str, Callable[[], pd.DataFrame]]:
    """Table makers by name, only those that the predictions have rows for."""
    both, level = (predictions, manifest), {"level": options["level"]}
    plain = pooling.clean(predictions)
    here = [name for name in ("grouped", "unseen") if len(pooling.answered(plain, name))]
    makers: dict[str, Callable[[], pd.DataFrame]] = {
        "ladder": partial(ladder.ladder, *both, **options),
        "steps": partial(steps.steps, *both, **options),
        "recalls": partial(outcomes.recalls, *both, **level),
    }
    if "grouped" in here:
        makers |= {
            "scores": partial(ladder.all_scores, *both, **options),
            "comparisons": partial(comparison.compare_families, *both, **options),
            "seed_spread": partial(outcomes.seed_spread, *both),
            "risk_coverage": partial(_each, clinical.risk_coverage, both, here),
            "confusion": partial(_each, outcomes.confusion, both, here),
            "sample_size": partial(_sample_size, *both, **level),
        }
    if (plain["part"] == "inner").any():
        makers |= {
            "reliability": partial(_each, calibration.reliability, both, here, **level),
            "detection": partial(_each, detection.detection, both, here, **options),
            "decision_curve": partial(_decisions, both, here),
            "conformal": partial(_coverage, both, here, level=options["level"]),
            "nested_choice": partial(_nested, both, **options),
            "inner_scores": partial(_inner_scores, both),
        }
    if "unseen" in here:
        columns = [name for name in ("printed_bpm", "month", "layout", "lead_off", "low_quality") if name in manifest]
        makers["selection"] = partial(_selection, both, columns, **level)
    return makers | _changed(predictions, manifest, **options)


def _changed(predictions, manifest, **options) -> dict[str, Callable[[], pd.DataFrame]]:
    variants, conditions = predictions["variant"], predictions["condition"]
    is_share = variants.str.startswith("share")
    makers: dict[str, Callable[[], pd.DataFrame]] = {}
    if (conditions != "clean").any():
        makers["robustness"] = partial(robustness.robustness, predictions, manifest, **options)
    if is_share.any():
        makers["learning_curve"] = partial(sample_size.learning_curve, predictions, manifest, **options)
    if ((variants != "clean") & ~is_share).any():
        makers["controls"] = partial(controls.controls, predictions, manifest, **options)
    return makers


def _each(function, both, protocols, **options) -> pd.DataFrame:
    tables = [function(*both, protocol=name, **options).assign(protocol=name) for name in protocols]
    return pd.concat(tables, ignore_index=True)


def _decisions(both, protocols) -> pd.DataFrame:
    return _each(clinical.decision_curve, (calibration.calibrate(*both), both[1]), protocols)


def _coverage(both, protocols, *, level: float) -> pd.DataFrame:
    tables = [
        conformal.coverage(conformal.prediction_sets(*both, protocol=name), alpha=alpha, level=level)
        for name in protocols
        for alpha in (0.05, 0.1, 0.2)
    ]
    return pd.concat(tables, ignore_index=True)


def _nested(both, **options) -> pd.DataFrame:
    predictions, manifest = both
    return ladder.ladder(choice.nested_choice(predictions, manifest), manifest, **options)


def _inner_scores(both) -> pd.DataFrame:
    """What inner predictions say of each model, which is all that a choice between models may look at."""
    scores = [choice.inner_scores(*both, metric=name).assign(metric=name) for name in ("balanced_accuracy", "macro_f1")]
    keys = [*choice.MODEL, "protocol", "metric"]
    table = pd.concat(scores).groupby(keys, sort=False)["value"]
    return table.agg(value="mean", lowest="min", highest="max", runs="size").reset_index()


def _selection(both, columns, **options) -> pd.DataFrame:
    predictions, manifest = both
    tables = [
        selection.recall_by(predictions, manifest, name, edges=BPM_EDGES if name == "printed_bpm" else None, **options)
        for name in columns
    ]
    return pd.concat(tables, ignore_index=True)


def _sample_size(predictions, manifest, *, level: float) -> pd.DataFrame:
    """The width of MI recall's interval with more MI pages, at each model's own recall."""
    found = outcomes.recalls(predictions, manifest, level=level)
    mine = found[(found["protocol"] == "grouped") & (found["stratum"] == "all") & (found["label"] == "mi")]
    per_group = sample_size.mi_pages_per_group(manifest)
    tables = [
        sample_size.recall_widths(float(value), pages_per_group=per_group, level=level).assign(model=model)
        for model, value in zip(mine["model"], mine["value"], strict=True)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
