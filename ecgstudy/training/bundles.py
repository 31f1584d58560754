"""Which runs share a backbone in memory, or are a job of their own. No TensorFlow here."""

import itertools
from collections.abc import Sequence
from typing import Any

from ecgstudy.models import registry
from ecgstudy.training.runs import Run


def bundle(run: Run) -> tuple[Any, ...]:
    """Runs of networks with equal bundles can share one backbone: all that depends on it alone is the same."""
    row, recipe = registry.model_row(run.model), run.recipe
    own = () if recipe.train_from == "head" and row.backbone != "plain" else (run.model,)
    build_as = (recipe.mixed_precision, recipe.dropout, recipe.width, recipe.cached_views, recipe.augment)
    return (row.backbone, row.input, run.settings["weights"], *build_as, own)


def jobs(todo: Sequence[Run]) -> list[list[str]]:
    """Names of the runs of each job: a bundle of networks, or one run of a simple model; most runs first."""

    def job(run: Run) -> str:
        return repr(bundle(run)) if registry.model_row(run.model).is_network else run.name

    grouped = itertools.groupby(sorted(todo, key=job), key=job)
    return sorted(([run.name for run in own] for _, own in grouped), key=len, reverse=True)


def is_slight(run: Run) -> bool:
    """Whether a run takes less than it costs to hand it to another process."""
    row = registry.model_row(run.model)
    return not row.is_network and row.input != "measurements"
