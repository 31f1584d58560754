"""The networks that notebook 4 explains: one run of each, some of its test pages, and tables about their maps."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ecgstudy.data.manifest import Pages
from ecgstudy.explanation import cases, deciding, explained, faithfulness, leads, maps, phases, siblings, trials, trust
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.explanation.explained import Explained
from ecgstudy.explanation.questions import class_indices
from ecgstudy.explanation.trust import DrawnPages
from ecgstudy.models import registry
from ecgstudy.study import Study
from ecgstudy.training import answers, grid, runs
from ecgstudy.training.answers import NetworkAnswer
from ecgstudy.training.runs import Run
from ecgstudy.vocabulary import CLASSES, LEADS, PROTOCOLS

_STANDS_OUT = 1.5  # times its share of the area


@dataclass(frozen=True)
class ShownNetwork:
    """A finished run and pages that it has not learned from."""

    run: Run
    answer: NetworkAnswer
    predictions: pd.DataFrame  # of this run
    cases: pd.DataFrame  # as `cases.cases` gives them
    pictures: np.ndarray  # uint8 (pages, height, width, 3): what it reads of them
    backdrop: Backdrop
    left_out: Mapping[str, str]  # pages that could not be shown, and why

    @property
    def model(self) -> str:
        """Its name in the registry."""
        return self.run.model

    def maps(self, method: str = "gradcam") -> np.ndarray:
        """Maps of the answered classes, float32 `(pages, height, width)`; one that is not finite is named and empty."""
        classes = class_indices(list(self.cases.answer), len(self.cases))
        asked = self.answer, self.pictures.astype(np.float32), classes
        heats = maps.raw_maps(*asked, method=method, backdrop=self.backdrop)
        broken = ~np.isfinite(heats).all(axis=(1, 2))
        for page_id in self.cases.page_id[broken]:
            warnings.warn(f"page {page_id}: the map of {method} is not finite and left empty", stacklevel=2)
        heats[broken] = 0
        return heats


def open_networks(study: Study, pages: Pages) -> list[ShownNetwork]:
    """The networks that the study explains, each in the first fold of the study's strictest protocol (`grouped`).

    Runs that are missing are trained first. A page that cannot be shown is left out with a warning.

    Raises:
        ValueError: one of them is no network that reads pages.
    """
    for model in study.explanation.models:
        _check_maps(model)
    return [_open(study, pages, model) for model in study.explanation.models]


def other_pages(study: Study, pages: Pages, network: ShownNetwork, chosen: pd.DataFrame) -> ShownNetwork:
    """The same network with other pages, such as failures or pages left out of the selection."""
    return replace(network, **_shown_pages(study, pages, chosen))


def network_shares(study: Study, networks: Iterable[ShownNetwork], *, method: str = "gradcam") -> pd.DataFrame:
    """Shares of the regions in the maps of each network, by label, as `leads.mean_shares`, with `model` in front."""
    tables = []
    for network in networks:
        table = leads.shares_table(network.maps(method), network.backdrop.layouts, list(network.cases.page_id))
        tables.append(_means(study, table, network.cases, "label").assign(model=network.model))
    return pd.concat(tables, ignore_index=True)


def unseen_shares(study: Study, pages: Pages, network: ShownNetwork, *, method: str = "gradcam") -> pd.DataFrame:
    """Shares of the regions on selected test pages and on pages left out of the selection; empty without such pages."""
    chosen = cases.cases(network.predictions, pages.manifest, count=len(network.cases), part="unseen")
    if chosen.empty:
        return pd.DataFrame(columns=["origin", "region", "value", "low", "high", "area", "pages"])
    tables = []
    for origin, some in (("selected", network), ("unseen", other_pages(study, pages, network, chosen))):
        table = leads.shares_table(some.maps(method), some.backdrop.layouts, list(some.cases.page_id))
        tables.append(_means(study, table, some.cases.assign(origin=origin), "origin"))
    return pd.concat(tables, ignore_index=True)


def territory_table(networks: Iterable[ShownNetwork], *, method: str = "gradcam") -> pd.DataFrame:
    """Walls of the heart in the maps of pages with an infarction and of all others, in each network's eyes.

    Returns:
        `model, pages` (mi or others), `count`, for each wall how many times its share of the area it gets, and
        `one_wall`: on how many of the pages one wall gets half as much again as its area, as an infarction would have
        it.
    """
    rows = []
    for network in networks:
        is_mi = (network.cases.label == "mi").to_numpy()
        lifts = pd.DataFrame(
            leads.territory_shares(leads.lead_shares(heat, layout))
            / leads.territory_shares(leads.area_shares(layout, *heat.shape))
            for heat, layout in zip(network.maps(method), network.backdrop.layouts, strict=True)
        )
        for name, own in (("mi", is_mi), ("others", ~is_mi)):
            one_wall = (lifts[own].max(axis=1) >= _STANDS_OUT).mean()
            means = lifts[own].mean().to_dict()
            rows.append({"model": network.model, "pages": name, "count": own.sum(), **means, "one_wall": one_wall})
    return pd.DataFrame(rows)


def deciding_leads(study: Study, pages: Pages, networks: Iterable[ShownNetwork]) -> pd.DataFrame:
    """Which leads decide about an infarction: for `traces`, for each network, and for a model that weighs leads itself.

    Returns:
        `deciding.COLUMNS`, one row per lead, model and source; models that the study does not have are left out.
    """
    options: dict[str, Any] = {"resamples": study.evaluation.resamples, "level": study.evaluation.level, "seed": 0}
    tables = []
    if deciding.TRACES in study.models and "grouped" in study.splits.protocols:
        drops = deciding.measured_drops(study, pages, seed=0)
        tables.append(deciding.measured_leads(drops, **options))
    for network in networks:
        chosen = _infarctions(network.predictions, pages.manifest, count=study.explanation.pages)
        if chosen.empty:  # a small study's test part may have none
            continue
        some = other_pages(study, pages, network, chosen)
        tables.append(
            deciding.network_leads(
                some.answer, some.pictures, some.backdrop, list(some.cases.group), model=network.model, **options
            )
        )
    weights = lead_weights(study)
    tables += [deciding.attention_leads(own, pages.manifest, **options) for _, own in weights.groupby("model")]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(deciding.COLUMNS))


def lead_weights(study: Study) -> pd.DataFrame:
    """`runs.read_lead_weights` of the study's models of leads; empty where it has none that is finished."""
    try:
        return runs.read_lead_weights(study, [*study.models, *study.ablations])
    except ValueError:
        return pd.DataFrame(columns=["model", "protocol", "page_id", *LEADS])


def drawn_pages(study: Study, networks: Sequence[ShownNetwork], *, seed: int = 0) -> DrawnPages:
    """`explanation.drawn_pages` pages to learn from, twice: with known truth, and with a footer that tells the class.

    A quarter as many are drawn to be explained. They serve all networks of one picture size.
    """
    height, width = networks[0].answer.input_shape
    return trust.drawn_pages(study.explanation.drawn_pages, height=height, width=width, seed=seed)


def faithfulness_tables(
    study: Study, pages: Pages, networks: Sequence[ShownNetwork], drawn: DrawnPages, *, seed: int = 0
) -> pd.DataFrame:
    """Every test of every method of the study, for each network: `faithfulness.COLUMNS`.

    Args:
        study: `explanation.faithfulness_pages` says how many real pages are asked about.
        pages: of the study.
        networks: as `open_networks` gives them.
        drawn: as `drawn_pages` gives them.
        seed: of chance in tests and resamples.
    """
    asked, tables = study.explanation, []
    if not networks or not asked.faithfulness_pages:
        return pd.DataFrame(columns=list(faithfulness.COLUMNS))
    for network in networks:
        rows = np.arange(min(asked.faithfulness_pages, len(network.cases)))
        classes = class_indices(list(network.cases.answer), len(network.cases))
        groups = network.cases.group.to_numpy().astype(str)
        trial = trials.Trial(network.pictures, classes, network.backdrop, groups).rows(rows)
        others = siblings.siblings(study, network.run, network.answer)
        if not others["permuted_labels"]:
            others["permuted_labels"] = [siblings.permuted_head(study, pages, network.run, network.answer)]
        tables.append(
            trust.network_trust(
                network.answer, trial, drawn, model=network.model, others=others, methods=asked.methods,
                settings={"integrated_gradients": {"most_steps": asked.steps}},
                resamples=study.evaluation.resamples, level=study.evaluation.level, seed=seed,
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def explain_cases(study: Study, pages: Pages, network: ShownNetwork, *, count: int) -> list[Explained]:
    """The first cases with table and sentence; models of other folds say whether they look at the same places."""
    others = siblings.siblings(study, network.run, network.answer)["agreement_folds"]
    found, _ = explained.explain_pages(
        network.answer, pages, list(network.cases.page_id[:count]), region=study.image.region, others=others
    )
    return found


def phase_shares(study: Study, explained_pages: Sequence[Explained], cases_: pd.DataFrame) -> pd.DataFrame:
    """Shares of the parts of the beat in maps of explained pages, by label, as `leads.mean_shares`.

    Pages whose beats were not found are left out.
    """
    table = explained.shares_of(explained_pages)
    table = table[table["region"].isin([*phases.PHASES, leads.OUTSIDE])].drop(columns="label")
    beaten = table[table["region"] == phases.PHASES[0]]["page_id"]
    table = table[table["page_id"].isin(beaten)]
    rows = cases_[cases_.page_id.isin(beaten)]
    if rows.empty:
        return pd.DataFrame(columns=["label", "region", "value", "low", "high", "area", "pages"])
    return _means(study, table, rows, "label")


def _open(study: Study, pages: Pages, model: str) -> ShownNetwork:
    trained = grid.run_grid(study, models=[model])
    run = min(trained, key=lambda run: (-PROTOCOLS.index(run.protocol), run.seed, run.fold))
    predictions = runs.read_predictions(study, models=[model])
    own = predictions[predictions["run"] == run.name]
    chosen = cases.cases(own, pages.manifest, count=study.explanation.pages)
    return ShownNetwork(run, answers.load_answer(study, run), own, **_shown_pages(study, pages, chosen))


def _check_maps(model: str) -> None:
    """Some networks have no map of the page, because they never see it whole."""
    row = registry.model_row(model)
    if row.input == "leads":
        raise ValueError(
            f"explanation.models: {model} reads lead boxes and has no map of the page; the weights that it gives to "
            "the leads are its lead shares (`es.deciding_leads`)"
        )


def _shown_pages(study: Study, pages: Pages, chosen: pd.DataFrame) -> dict[str, Any]:
    """What `ShownNetwork` holds of some pages; bad ones are left out by name."""
    names, pictures, backdrop, left_out = cases.case_pictures(pages, list(chosen.page_id), study.image)
    for page_id, reason in left_out.items():
        warnings.warn(f"left out: page {page_id}: {reason}", stacklevel=3)
    if not names and len(chosen):
        raise ValueError(f"none of {len(chosen)} pages can be shown; the first: {next(iter(left_out.values()))}")
    kept = chosen[chosen.page_id.isin(names)].reset_index(drop=True)
    return {"cases": kept, "pictures": pictures, "backdrop": backdrop, "left_out": left_out}


def _infarctions(predictions: pd.DataFrame, manifest: pd.DataFrame, *, count: int) -> pd.DataFrame:
    """Test pages labelled as infarctions, answered right or wrong."""
    every = cases.cases(predictions, manifest, count=len(predictions))
    return every[every.label == CLASSES[0]].head(count).reset_index(drop=True)


def _means(study: Study, table: pd.DataFrame, rows: pd.DataFrame, by: str) -> pd.DataFrame:
    asked = study.evaluation
    return leads.mean_shares(table, rows, by=by, resamples=asked.resamples, level=asked.level, seed=0)
