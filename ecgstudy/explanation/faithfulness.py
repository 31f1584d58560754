"""How far can maps be trusted? Every method goes through the same tests, beside maps that know nothing of the model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.explanation import agreement, leads, maps, removal, truth
from ecgstudy.explanation.questions import Answer
from ecgstudy.explanation.trials import Trial
from ecgstudy.vocabulary import choose

COLUMNS = ("method", "model", "test", "value", "low", "high")
_NOISE = 2.5  # standard deviation of noise that no reader would notice, of 0 to 255


@dataclass(frozen=True)
class Test:
    """One question to a map, its answer one number per page.

    `better` says which way is good; `limit` is what the mean must keep on the good side of, where no control can say.
    """

    __test__ = False  # not one of pytest's

    title: str
    better: int  # 1: higher, -1: lower, 0: neither is an achievement
    limit: float | None = None  # without one, a method must beat the best control


TESTS: dict[str, Test] = {
    "deletion": Test("score while what it points at is erased", -1),
    "insertion": Test("score while what it points at is put on empty paper", 1),
    "road": Test("ROAD: least less most important removed", 1),
    "lead_removal": Test("its lead removed, against an equal area elsewhere", 1),
    "pointing": Test("its peak lies in the planted disease", 1),
    "mass": Test("its share in the planted disease", 1),
    "shortcut": Test("its share in the planted mark", 1),
    "outside": Test("its share outside of the waveform, where a mark is planted", 1),
    "randomisation": Test("likeness to a map of the network with shuffled weights", -1, 0.5),
    "random_head": Test("likeness to a map of the network with a random head", -1, 0.5),
    "permuted_labels": Test("likeness to a map of a model trained on permuted labels", -1, 0.5),
    "stability": Test("likeness to its map under small noise", 1, 0.5),
    "agreement_methods": Test("likeness to the other methods' maps", 0),
    "agreement_folds": Test("likeness to its maps of other folds' models", 0),
    "agreement_seeds": Test("likeness to its maps of other seeds' models", 0),
    "agreement_halves": Test("likeness to its maps of heads that learned from the two halves of the drawn pages", 0),
}
REMOVALS = ("deletion", "insertion", "road", "lead_removal")  # something is taken away, and the model asked again
MARK_TESTS = ("shortcut", "outside")
UNTRAINED = ("randomisation", "random_head")  # Adebayo's cascade, from its end and from its first step
_OTHERS = ("agreement_folds", "agreement_seeds", "agreement_halves")
COMPARISONS = (*UNTRAINED, "permuted_labels", *_OTHERS)  # with other models' maps
_FAILED_LIMITS = {
    **dict.fromkeys((*UNTRAINED, "permuted_labels"), "shows the page rather than the model"),
    "stability": "changes with noise that nobody sees",
}
_SAME_ACT = {("lead_occlusion", "lead_removal")}  # the method does what the test does: passing says nothing
GAIN = "_gain"  # a test's distance from the best control, in the good direction


def page_scores(
    answer: Answer,
    trial: Trial,
    *,
    methods: Sequence[str],
    others: Mapping[str, Sequence[Answer]] | None = None,
    controls: Sequence[str] = maps.CONTROLS,
    tests: Collection[str] = tuple(TESTS),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int,
) -> pd.DataFrame:
    """Tests of methods on each page.

    Args:
        answer: the model.
        trial: the pages.
        methods: of `maps.METHODS`.
        others: models whose maps are compared with this one's, by test (`COMPARISONS`).
        controls: maps that go through the same tests.
        tests: of `TESTS`; those that these pages and models can't answer are left out.
        settings: of `maps.explain`, by method.
        seed: of noise and random areas.

    Returns:
        Columns `method, test, page, score`; `page` counts from 0. A score is NaN where a test has no answer.

    Raises:
        ValueError: unknown method, test or comparison; a model that cannot give what a method needs.
    """
    others = dict(others or {})
    for name in others:
        choose("comparison", name, COMPARISONS)
    for name in tests:
        choose("test", name, list(TESTS))
    names = [choose("method", name, list(maps.METHODS)) for name in (*methods, *controls)]

    def of(model: Answer, name: str, pictures: np.ndarray) -> np.ndarray:
        own = (settings or {}).get(name, {})
        return maps.raw_maps(model, pictures, trial.classes, method=name, backdrop=trial.backdrop, seed=seed, **own)

    pictures = trial.pictures.astype(np.float32)
    drawn = {name: of(answer, name, pictures) for name in names}
    found: dict[tuple[str, str], np.ndarray] = _truth_scores(drawn, trial)
    if set(tests) & set(REMOVALS):
        found |= _removal_scores(answer, trial, pictures, drawn, seed)
    if "stability" in tests:
        noise = np.random.default_rng([seed, 1]).normal(0, _NOISE, pictures.shape).astype(np.float32)
        noisy = np.clip(pictures + noise, 0, 255)
        found |= {(name, "stability"): _likeness(heats, [of(answer, name, noisy)]) for name, heats in drawn.items()}
    for test, models in others.items():
        if models and test in tests:
            for name, heats in drawn.items():
                served = [of(model, name, pictures) for model in models if maps.serves(model, name)]
                found[name, test] = _likeness(heats, served)
    for name, heats in drawn.items():
        rest = [drawn[other] for other in methods if other != name]
        if rest and "agreement_methods" in tests:
            found[name, "agreement_methods"] = _likeness(heats, rest)
    found = {key: values for key, values in found.items() if key[1] in tests}
    rows = [
        pd.DataFrame({"method": method, "test": test, "page": np.arange(len(values)), "score": values})
        for (method, test), values in found.items()
    ]
    return pd.concat(rows, ignore_index=True)


def faithfulness(
    scores: pd.DataFrame, groups: np.ndarray, *, model: str, resamples: int = 10_000, level: float = 0.95, seed: int
) -> pd.DataFrame:
    """Means over pages with intervals from the group bootstrap, and each method's distance from the best control.

    Args:
        scores: as `page_scores` gives them.
        groups: of each page, text `(pages,)`.
        model: its name, for the table.
        resamples: of the groups.
        level: of the intervals.
        seed: of the resamples.

    Returns:
        `COLUMNS`. A test `<name>_gain` is the distance to the control with the best mean, on the same pages and
        resamples; above zero is better than every map that knows nothing of the model.
    """
    rows = []
    for test, part in scores.groupby("test", sort=False):
        columns = {str(name): some.set_index("page")["score"] for name, some in part.groupby("method", sort=False)}
        table = pd.DataFrame(columns).reindex(range(len(groups)))
        controls = [name for name in columns if name in maps.CONTROLS]
        better = TESTS[str(test)].better
        if controls and TESTS[str(test)].limit is None and better:
            best = max(controls, key=lambda name: np.nan_to_num(better * table[name].mean(), nan=-np.inf))
            for name in columns:
                if name not in controls:
                    table[name + GAIN] = (table[name] - table[best]) * better
        low, value, high = leads.mean_intervals(
            table.to_numpy(), groups.astype(str), resamples=resamples, level=level, seed=seed
        )
        for column, *numbers in zip(table.columns, value, low, high, strict=True):
            method = str(column).removesuffix(GAIN)
            rows.append((method, model, f"{test}{GAIN if method != column else ''}", *numbers))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """What the tests say about each method, in words.

    Args:
        table: as `faithfulness` gives it, of any number of models.

    Returns:
        `model, method, verdict, reasons`: a verdict is one of "follows the model", "no better than a map that knows
        nothing of the model", "shows the page rather than the model", "changes with noise that nobody sees", "not
        shown to follow the model" (better than such a map, but no untrained network gave a map to compare with) and
        "asked about the planted mark alone".
    """
    rows = []
    for (model, method), part in table.groupby(["model", "method"], sort=False):
        if method not in maps.CONTROLS:
            values = part.set_index("test")[["value", "low", "high"]].to_dict("index")
            values = {test: row for test, row in values.items() if not is_same_act(str(method), str(test))}
            rows.append((model, method, _verdict(values), _reasons(values)))
    return pd.DataFrame(rows, columns=["model", "method", "verdict", "reasons"])


def _verdict(values: Mapping[Any, Mapping[Any, float]]) -> str:
    """The verdict from `test -> value, low, high`; a test without a value shows nothing."""
    if {test.removesuffix(GAIN) for test in values} <= set(MARK_TESTS):
        return "asked about the planted mark alone"
    known = {test: row for test, row in values.items() if np.isfinite(row["value"])}
    for test, words in _FAILED_LIMITS.items():
        if test in known and not keeps_limit(TESTS[test], known[test]["value"]):
            return words
    gains = [row["low"] > 0 for test, row in values.items() if test.endswith(GAIN)]
    if 2 * sum(gains) <= len(gains):
        return "no better than a map that knows nothing of the model"
    # a network whose weights were shuffled to silence gives no map
    return "follows the model" if set(UNTRAINED) & set(known) else "not shown to follow the model"


def is_same_act(method: str, test: str) -> bool:
    """Whether a method does what a test does, so that to pass it says nothing."""
    return (method, test.removesuffix(GAIN)) in _SAME_ACT


def keeps_limit(test: Test, value: float) -> bool:
    """Whether a mean is on the good side of its test's limit."""
    assert test.limit is not None
    return test.better * (value - test.limit) > 0


def _reasons(values: Mapping[Any, Mapping[Any, float]]) -> str:
    """Which tests were passed and which were not, with the numbers that decided."""
    said: dict[str, list[str]] = {"passes": [], "fails": [], "leaves open": [], "beside that": []}
    for name, row in values.items():
        test = TESTS[name.removesuffix(GAIN)]
        words = name.removesuffix(GAIN).replace("_", " ")
        decides = name.endswith(GAIN) or test.limit is not None
        if decides and not np.isfinite(row["value"]):
            said["leaves open"].append(words)
        elif name.endswith(GAIN):
            which = "passes" if row["low"] > 0 else "fails"
            said[which].append(f"{words} by {row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]")
        elif test.limit is not None:
            said["passes" if keeps_limit(test, row["value"]) else "fails"].append(f"{words} {row['value']:.2f}")
        elif test.better == 0 and np.isfinite(row["value"]):
            said["beside that"].append(f"{words} {row['value']:.2f}")
    return "; ".join(f"{word} {', '.join(items)}" for word, items in said.items() if items)


def _likeness(heats: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Mean rank correlation of each page's map with its other maps, `(pages,)`; NaN where there is none."""
    alike = [agreement.rank_correlations(heats, other) for other in others]
    return np.mean(alike, axis=0) if alike else np.full(len(heats), np.nan)


def _removal_scores(
    answer: Answer, trial: Trial, pictures: np.ndarray, drawn: Mapping[str, np.ndarray], seed: int
) -> dict[tuple[str, str], np.ndarray]:
    about = (answer, pictures, trial.classes)
    paper = trial.backdrop.paper
    drops = removal.lead_drops(*about, trial.backdrop)
    random = removal.random_drops(*about, trial.backdrop, seed=seed)
    found = {}
    for name, heat in drawn.items():
        deleted = removal.deletion_curves(*about, heat, paper, seed=seed)
        inserted = removal.insertion_curves(*about, heat, paper, seed=seed)
        found[name, "deletion"], found[name, "insertion"] = map(removal.curve_areas, (deleted, inserted))
        found[name, "road"] = removal.road(*about, heat, seed=seed)
        found[name, "lead_removal"] = removal.lead_removal(heat, trial.backdrop, drops, random)
    return found


def _truth_scores(drawn: Mapping[str, np.ndarray], trial: Trial) -> dict[tuple[str, str], np.ndarray]:
    found = {}
    for name, heats in drawn.items():
        if len(trial.truths):
            pairs = list(zip(heats, trial.truths, strict=True))
            found[name, "pointing"] = np.array([truth.pointing_hit(*pair) for pair in pairs])
            found[name, "mass"] = np.array([truth.mass_inside(*pair) for pair in pairs])
        if len(trial.marks):
            pairs = list(zip(heats, trial.marks, strict=True))
            found[name, "shortcut"] = np.array([truth.mass_inside(*pair) for pair in pairs])
            outside = [truth.outside_mask(layout, *heats.shape[1:]) for layout in trial.backdrop.layouts]
            found[name, "outside"] = np.array([truth.mass_inside(*p) for p in zip(heats, outside, strict=True)])
    return found
