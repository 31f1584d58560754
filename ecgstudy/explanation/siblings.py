"""Models beside a run whose maps are compared with its own: untrained, misled, of other folds and of other seeds."""

from collections.abc import Sequence

from ecgstudy.explanation import heads
from ecgstudy.explanation.heads import Reweighted
from ecgstudy.study import Study
from ecgstudy.training import answers, runs
from ecgstudy.training.answers import NetworkAnswer
from ecgstudy.training.runs import CLEAN, Run

_PERMUTED = "permuted_labels"


def siblings(study: Study, run: Run, answer: NetworkAnswer, *, most: int = 2) -> dict[str, list[Reweighted]]:
    """The same network with other weights, by test of `faithfulness.COMPARISONS`.

    Args:
        study: whose finished runs are looked through; none is trained here.
        run: a finished run of it.
        answer: of that run. All siblings are asked through its graph, so that nothing is built or traced twice.
        most: of one kind.

    Returns:
        `randomisation`: each array of weights shuffled. `permuted_labels`: trained on the same pages with each other's
        labels. `agreement_folds`: trained on other parts of the pages; they know the pages that this run is tested on.
        `agreement_seeds`: the same fold of other seeds. Lists are empty where the study has no such finished run.
    """
    known = [*runs.study_runs(study, [run.model]), *runs.variant_runs(study, [run.model])]
    beside = [other for other in known if other.protocol == run.protocol and other.model == run.model]
    chosen = {
        "permuted_labels": [o for o in beside if (o.variant, o.fold, o.seed) == (_PERMUTED, run.fold, run.seed)],
        "agreement_folds": [o for o in beside if (o.variant, o.seed) == (CLEAN, run.seed) and o.fold != run.fold],
        "agreement_seeds": [o for o in beside if (o.variant, o.fold) == (CLEAN, run.fold) and o.seed != run.seed],
    }
    found = {name: _read(study, some, answer, most) for name, some in chosen.items()}
    return {"randomisation": [heads.shuffled(answer, seed=run.seed)], **found}


def _read(study: Study, some: Sequence[Run], answer: NetworkAnswer, most: int) -> list[Reweighted]:
    """Those that are finished."""
    places = [(runs.runs_folder(study) / run.name, run) for run in some]
    finished = [(folder, run) for folder, run in places if runs.is_finished(folder)][:most]
    models = [answers.load_model(folder, run) for folder, run in finished]
    return [Reweighted(answer, tuple(model.get_weights())) for model in models]
