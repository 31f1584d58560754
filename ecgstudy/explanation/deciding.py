"""Which leads decide: for a model of measurements by mixing them up, for a network by its maps, to be held together."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ecgstudy.data import measurements, splits
from ecgstudy.data.manifest import Pages
from ecgstudy.explanation import leads, maps
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.explanation.questions import Answer
from ecgstudy.models import simple
from ecgstudy.study import Study
from ecgstudy.training import parts, runs
from ecgstudy.vocabulary import CLASSES, LEADS

COLUMNS = ("model", "source", "lead", "share", "even", "low", "high", "pages")
TRACES = "traces"  # the model of measurements
NO_LEAD = "no lead"  # rate, intervals, axis: of the whole heart
_REPEATS = 5


def measured_drops(
    study: Study, pages: Pages, *, label: str = "mi", fold: int = 0, seed: int, repeats: int = _REPEATS
) -> pd.DataFrame:
    """By how much the probability of a class falls when all measurements of one lead are exchanged between test pages.

    The model `traces` of one fold of `grouped` is fitted again as its run was, and asked about its own test part: by
    default the fold whose networks are explained.

    Args:
        study: with finished splits.
        pages: of the study.
        label: the pages of this class are asked about it.
        fold: which; of the study's first seed.
        seed: of the exchanges.
        repeats: exchanges, whose mean counts.

    Returns:
        One row per page, indexed by `page_id`: `group`, the twelve leads, and `no lead` (rate, intervals, axis).

    References:
        Permutation importance: Breiman 2001, doi:10.1023/A:1010933404324; by groups, as columns of a lead go together.
    """
    table = measurements.page_features(measurements.measured_pages(pages, study.folder / "cache"))
    split = splits.read_splits(study.folder / "splits")
    known = runs.study_runs(study, [TRACES])
    chosen = [run for run in known if (run.protocol, run.seed, run.fold) == ("grouped", study.splits.seeds[0], fold)]
    if not chosen:
        raise ValueError(
            f"study {study.name!r} has no fold {fold} under grouped; see splits.protocols and splits.folds"
        )
    own = parts.run_parts(chosen[0], pages.manifest, split)
    learning, tested = own.learning, own.test.drop_duplicates("page_id")
    answer = simple.fit(
        TRACES, table.loc[learning["page_id"]], learning["target"].to_numpy(),
        groups=learning["group"].to_numpy(), seed=chosen[0].seed,
    )  # fmt: skip
    asked = (tested["label"] == label).to_numpy()
    if not asked.any():
        raise ValueError(f"no test page is labelled {label!r}; choose another class")
    rng = np.random.default_rng(seed)
    falls = pd.DataFrame(dict(_falls(answer, table.loc[tested["page_id"]], asked, label, rng, repeats)))
    return falls.assign(group=tested["group"].to_numpy()[asked]).set_index(tested["page_id"][asked])


def measured_leads(drops: pd.DataFrame, *, resamples: int, level: float, seed: int) -> pd.DataFrame:
    """Shares of the leads in what `measured_drops` found, with `COLUMNS`; a lead that costs nothing has none."""
    return _shares(drops[list(LEADS)].to_numpy(), drops["group"], np.full(len(LEADS), 1 / len(LEADS)), TRACES,
                   "measurements mixed up", resamples, level, seed)  # fmt: skip


def network_leads(
    answer: Answer, pictures: np.ndarray, backdrop: Backdrop, groups: Sequence[str], *, model: str,
    methods: Sequence[str] = ("gradcam", "lead_occlusion"), label: str = "mi", resamples: int, level: float, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Shares of the leads in a network's maps of one class, with `COLUMNS`; `even` is the lead's share of the area.

    A signed map counts by its magnitude: what speaks against the class decides too. Strip and all that is outside of
    the leads are left out, so that it can stand beside `measured_leads`.
    """
    classes = np.full(len(pictures), CLASSES.index(label))
    tables = []
    for method in methods:
        heats = maps.explain(answer, pictures, classes, method=method, backdrop=backdrop, seed=seed)
        sums = [leads.lead_sums(*pair)[list(LEADS)] for pair in zip(np.abs(heats), backdrop.layouts, strict=True)]
        even = [leads.area_shares(layout, *heats.shape[1:])[list(LEADS)] for layout in backdrop.layouts]
        area = np.mean(even, axis=0)
        title = maps.METHODS[method].title
        tables.append(_shares(np.array(sums), groups, area / area.sum(), model, title, resamples, level, seed))
    return pd.concat(tables, ignore_index=True)


def attention_leads(
    weights: pd.DataFrame, manifest: pd.DataFrame, *, label: str = "mi", resamples: int, level: float, seed: int
) -> pd.DataFrame:
    """How much each lead counted for a model of leads that weighs them itself, with `COLUMNS`.

    Args:
        weights: as `runs.read_lead_weights` gives them, of one model; runs of `grouped` count.
        manifest: one row per file.
        label: the pages of this class count.
        resamples: of groups.
        level: of the intervals.
        seed: of the resamples.
    """
    facts = manifest.drop_duplicates("page_id")[["page_id", "label", "group"]]
    rows = weights[weights["protocol"] == "grouped"].merge(facts, on="page_id")
    rows = rows[rows["label"] == label]
    return _shares(rows[list(LEADS)].to_numpy(), rows["group"], np.full(len(LEADS), 1 / len(LEADS)),
                   str(rows["model"].iloc[0]), "its own weights", resamples, level, seed)  # fmt: skip


def agreement_of_leads(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of every row of leads with every other one: do they name the same leads?"""
    rows = table.groupby(["model", "source"], sort=False)
    columns = {f"{model}, {source}": part.set_index("lead")["share"] for (model, source), part in rows}
    return pd.DataFrame(columns).corr(method="spearman")


def _falls(
    answer: simple.Answer, table: pd.DataFrame, asked: np.ndarray, label: str, rng: np.random.Generator, repeats: int
) -> Iterator[tuple[str, np.ndarray]]:
    """For each lead the mean fall of the probability on the pages that are asked about."""
    number = CLASSES.index(label)
    before = answer(table)[asked, number]
    owner = np.array([name.split("_")[0] for name in table.columns])
    for lead in (*LEADS, NO_LEAD):
        own = ~np.isin(owner, LEADS) if lead == NO_LEAD else owner == lead
        after = np.zeros(len(before))
        for _ in range(repeats):
            mixed = table.to_numpy(copy=True)
            mixed[:, own] = mixed[rng.permutation(len(mixed))][:, own]
            after += answer(pd.DataFrame(mixed, table.index, table.columns))[asked, number]
        yield lead, before - after / repeats


def _shares(
    amounts: np.ndarray, groups: Sequence[str] | pd.Series, even: np.ndarray, model: str, source: str,
    resamples: int, level: float, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Mean amounts over pages as shares of the positive ones; intervals are scaled by the same sum."""
    names = np.asarray(groups).astype(str)
    low, value, high = leads.mean_intervals(amounts, names, resamples=resamples, level=level, seed=seed)
    total = np.maximum(value, 0).sum() or np.nan
    shares = {"share": np.maximum(value, 0) / total, "even": even, "low": low / total, "high": high / total}
    return pd.DataFrame({"model": model, "source": source, "lead": LEADS, **shares, "pages": len(amounts)})[
        list(COLUMNS)
    ]
