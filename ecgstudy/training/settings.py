"""Settings that cannot be trained together, found from a study's words alone, before a network is built.

No TensorFlow: a study is stopped here at its start, not after the hours that its other models take.
"""

from collections.abc import Sequence

from ecgstudy.models import registry
from ecgstudy.models.registry import ModelRow
from ecgstudy.study import Recipe, Study

WHOLE = ("page", "grid")  # regions in which a page has its lead boxes


def check_study(study: Study, models: Sequence[str] | None = None) -> None:
    """Refuse a study that one of its networks cannot be trained in.

    Args:
        study: whose recipes and region.
        models: only these; all of the study by default, its ablations too.

    Raises:
        ValueError: unknown model; a setting that it cannot be trained with. One line that names both.
    """
    for name in [*study.models, *study.ablations] if models is None else models:
        try:
            check_model(study, name)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def check_model(study: Study, name: str) -> None:
    """Refuse a study's settings for one model.

    Raises:
        ValueError: unknown model, or its settings contradict each other; the message says what to change.
    """
    row = registry.model_row(name)
    if row.is_network:
        check_recipe(row, study.training.recipe(name))
        check_region(row, study.image.region)


def check_recipe(row: ModelRow, recipe: Recipe) -> None:
    """Refuse random views that would not be seen.

    Raises:
        ValueError: the model cannot be trained with such views; the message says what to change.
    """
    if recipe.augment and row.input == "leads":
        raise ValueError("training.augment draws views of whole pages; for lead boxes set training.cached_views")
    if recipe.augment and recipe.cached_views:
        raise ValueError("training.augment and training.cached_views exclude each other; set one")
    if recipe.cached_views and not keeps_a_part(row, recipe):
        raise ValueError(
            f"training.cached_views needs a frozen part, but training.train_from is {recipe.train_from}; "
            "train from a layer, or set training.augment instead"
        )


def check_region(row: ModelRow, region: str) -> None:
    """Refuse a region that a model of lead boxes would not read.

    Raises:
        ValueError: the message names the regions that it can be trained with.
    """
    if row.input == "leads" and region not in WHOLE:
        raise ValueError(
            f"reads the lead boxes of the pages as they are, never image.region {region!r}; "
            f"set it to {' or '.join(WHOLE)}, or leave the model out"
        )


def keeps_a_part(row: ModelRow, recipe: Recipe) -> bool:
    """Whether some stage of the training leaves a part of the network as it is."""
    return row.backbone != "plain" and (recipe.head_epochs > 0 or recipe.train_from != "all")
