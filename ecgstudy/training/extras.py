"""What a study asks of models beside its grid: controls, shares of the pages, answers for damaged pages."""

from collections.abc import Callable, Sequence

from ecgstudy.study import Study
from ecgstudy.training import conditions, runs, side_by_side, variants
from ecgstudy.training.runs import Run


def run_extras(study: Study, models: Sequence[str] | None = None, *, progress: Callable[[str], None]) -> list[Run]:
    """Train a study's controls and shares, and let its finished runs answer damaged pages; the two share no work.

    Args:
        study: with several `execution.workers` both are done at the same time.
        models: only these; all of the study by default.
        progress: takes a line now and then.

    Returns:
        The runs of controls and shares, as `variants.run_variants` gives them.

    Raises:
        ValueError: as `variants.run_variants` does.
    """
    both = [variants.run_variants, conditions.run_conditions]
    if study.execution.workers > 1 and all(_lacks(study, models)):
        found, _ = side_by_side.call(both, study, models=models, progress=progress)
    else:
        found, _ = [function(study, models, progress=progress) for function in both]
    return found


def _lacks(study: Study, models: Sequence[str] | None) -> list[bool]:
    """Whether either has anything to do."""
    folders = (
        [runs.runs_folder(study) / run.name for run in runs.variant_runs(study, models)],
        [runs.conditions_folder(study, run) for run in conditions.condition_runs(study, models)],
    )
    return [not all(map(runs.is_finished, own)) for own in folders]
