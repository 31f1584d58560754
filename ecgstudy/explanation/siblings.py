"""Models beside a run whose maps are compared with its own: untrained, misled, of other folds and of other seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ecgstudy.data import images, splits
from ecgstudy.data.manifest import Pages
from ecgstudy.explanation import heads
from ecgstudy.explanation.heads import NewHead, Reweighted
from ecgstudy.explanation.questions import Answer, Score
from ecgstudy.study import Study
from ecgstudy.training import answers, parts, runs
from ecgstudy.training.answers import NetworkAnswer
from ecgstudy.training.runs import CLEAN, Run

_PERMUTED = "permuted_labels"


def siblings(study: Study, run: Run, answer: NetworkAnswer, *, most: int = 2) -> dict[str, list[Answer]]:
    """The same network with other weights, by test of `faithfulness.COMPARISONS`.

    Args:
        study: whose finished runs are looked through; none is trained here.
        run: a finished run of it.
        answer: of that run. All siblings are asked through its graph, so that nothing is built or traced twice.
        most: of one kind.

    Returns:
        `randomisation`: each array of weights shuffled. `random_head`: a head of random weights on the trained rest,
        which draws a map where a shuffled network is silent. `permuted_labels`: trained on the same pages with each
        other's labels. `agreement_folds`: trained on other parts of the pages; they know the pages that this run is
        tested on. `agreement_seeds`: the same fold of other seeds. Lists of the last three are empty where the study
        has no such finished run.
    """
    known = [*runs.study_runs(study, [run.model]), *runs.variant_runs(study, [run.model])]
    beside = [other for other in known if other.protocol == run.protocol and other.model == run.model]
    chosen = {
        "permuted_labels": [o for o in beside if (o.variant, o.fold, o.seed) == (_PERMUTED, run.fold, run.seed)],
        "agreement_folds": [o for o in beside if (o.variant, o.seed) == (CLEAN, run.seed) and o.fold != run.fold],
        "agreement_seeds": [o for o in beside if (o.variant, o.fold) == (CLEAN, run.fold) and o.seed != run.seed],
    }
    found = {name: _read(study, some, answer, most) for name, some in chosen.items()}
    untrained: dict[str, list[Answer]] = {
        "randomisation": [heads.shuffled(answer, seed=run.seed)],
        "random_head": [ending_in(answer, heads.random_head(answer, seed=run.seed))],
    }
    return untrained | found


def permuted_head(study: Study, pages: Pages, run: Run, answer: NetworkAnswer) -> Answer:
    """The network with a head that learned the pages of a run with each other's labels, for `permuted_labels`.

    Stands in where no run with permuted labels is finished: trained in seconds, but what lies before the head has
    learned from true labels where the run trained more than its head.

    Args:
        study: with its splits.
        pages: of the study.
        run: whose learning part it learns from.
        answer: of that run.
    """
    learning = parts.run_parts(run, pages.manifest, splits.read_splits(study.folder / "splits")).learning
    learning = learning.drop_duplicates("page_id")
    image = study.image
    cached = images.cached_pictures(
        pages, region=image.region, height=image.height, width=image.width, folder=study.folder / "cache"
    )
    pictures = cached.pictures[cached.rows(list(learning["page_id"]))]
    labels = np.random.default_rng([run.seed, run.fold]).permutation(learning["target"].to_numpy())
    return ending_in(answer, heads.fit_head(answer, pictures, labels))


@dataclass(frozen=True)
class _Ending(NewHead):
    """A new head that has pixel gradients too. Only they change the network's weights, which costs more than to ask."""

    whole: Reweighted

    def gradients(self, pictures: np.ndarray, classes: np.ndarray, *, of: Score = "probability") -> np.ndarray:
        """See `questions.Answer`."""
        return self.whole.gradients(pictures, classes, of=of)

    def scored_gradients(self, pictures: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `questions.ScoredAnswer`."""
        return self.whole.scored_gradients(pictures, classes)


def ending_in(answer: Answer, head: NewHead) -> Answer:
    """The network with a new head; with pixel gradients where its own head reads the same numbers."""
    try:
        return _Ending(head.answer, head.weights, head.bias, heads.with_head(answer, head))
    except (AttributeError, ValueError):
        return cast(Answer, head)  # without pixel gradients: `maps.serves` looks before they are asked for


def _read(study: Study, some: Sequence[Run], answer: NetworkAnswer, most: int) -> list[Answer]:
    """Those that are finished."""
    places = [(runs.runs_folder(study) / run.name, run) for run in some]
    finished = [(folder, run) for folder, run in places if runs.is_finished(folder)][:most]
    models = [answers.load_model(folder, run) for folder, run in finished]
    return [Reweighted(answer, tuple(model.get_weights())) for model in models]
