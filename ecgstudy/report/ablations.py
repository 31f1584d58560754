"""What each change to a backbone adds, with the same budget: the plain backbone, each part alone, all of it."""

from collections.abc import Sequence

import pandas as pd

from ecgstudy.evaluation import comparison, ladder
from ecgstudy.models import registry
from ecgstudy.report import tables
from ecgstudy.study import Study

ABLATION_COLUMNS = [
    "backbone", "weights", "trained", "model", "change", "value", "low", "high", "gain", "gain_low", "gain_high",
    "p_holm", "pages",
]  # fmt: skip
_NECKS = {"bottleneck": "bottleneck", "squeeze_excite": "squeeze-and-excitation"}


def ablation_models(study: Study) -> list[str]:
    """Plain backbones of a study and all that it changes about them, in the registry's order.

    Models that read something else than the page as it is (lead boxes) are another question and not among them.
    """
    rows = [registry.model_row(name) for name in (*study.models, *study.ablations)]
    rows = [row for row in rows if row.is_network and row.input == "page"]
    changed = {row.backbone for row in rows if row.neck}
    plain = {row.backbone for row in rows if not row.neck}
    return tables.order_models(row.name for row in rows if row.backbone in changed & plain)


def change_in_words(row: registry.ModelRow) -> str:
    """What a model adds to its backbone: `none (plain)`, `bottleneck`, `block 4 alone`, `blocks 3, 4 and 6`."""
    if row.neck is None:
        return "none (plain)"
    if row.neck in _NECKS:
        return _NECKS[row.neck]
    *others, last = map(str, row.blocks)
    return f"blocks {', '.join(others)} and {last}" if others else f"block {last} alone"


def ablation_table(study: Study, predictions: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Balanced accuracy under `grouped` of every change, and its gain over the plain backbone on the same pages.

    Args:
        study: gives the models, the resamples and the level of intervals.
        predictions: of all `ablation_models(study)`, as `es.read_predictions` gives them.
        manifest: one row per file.

    Returns:
        `ABLATION_COLUMNS`, one row per model, the plain backbone first. `backbone` is the name of the plain model. The
        `gain` has a paired interval, and Holm's correction goes over all gains of the table; where the backbone is
        frozen with random weights, a gain would say nothing, and there is none.
    """
    options = {"resamples": study.evaluation.resamples, "level": study.evaluation.level}
    names = [name for name in ablation_models(study) if name in set(predictions["model"])]
    if not names:
        return pd.DataFrame(columns=ABLATION_COLUMNS)
    own = predictions[(predictions["protocol"] == "grouped") & predictions["model"].isin(names)]
    scores = tables.ladder_rows(ladder.ladder(own, manifest, **options), controls=True)  # type: ignore[arg-type]
    table = scores[scores["protocol"] == "grouped"].merge(_rows(names), on="model")
    table = table.join(_gains(own, manifest, table, options), on="model")
    plain_first = table.assign(place=table["model"].map(tables.order_models(names).index), plain=table["gain_of"] == "")
    order = plain_first.sort_values(["backbone_place", "plain", "place"], ascending=[True, False, True], kind="stable")
    return order[ABLATION_COLUMNS].reset_index(drop=True)


def _rows(names: Sequence[str]) -> pd.DataFrame:
    """Model, what it changes, and the plain model that it changes."""
    rows = [registry.model_row(name) for name in names]
    plain = {row.backbone: row.name for row in rows if row.neck is None}
    places = list(dict.fromkeys(row.backbone for row in rows))
    return pd.DataFrame(
        {
            "model": [row.name for row in rows],
            "change": [change_in_words(row) for row in rows],
            "backbone": [plain[row.backbone] for row in rows],
            "backbone_place": [places.index(row.backbone) for row in rows],
            "gain_of": [plain[row.backbone] if row.neck else "" for row in rows],
        }
    )


def _gains(predictions: pd.DataFrame, manifest: pd.DataFrame, table: pd.DataFrame, options: dict) -> pd.DataFrame:
    """By model `gain, gain_low, gain_high, p_holm`."""
    fair = table[~tables.is_random_control(table) & (table["gain_of"] != "")]
    pairs = list(zip(fair["model"], fair["gain_of"], strict=True))
    found = comparison.compare(predictions, manifest, pairs, family="a change over its backbone", **options)
    names = {"value": "gain", "low": "gain_low", "high": "gain_high"}
    return found.set_index("model")[[*names, "p_holm"]].rename(columns=names).astype(float)


def ablations_in_words(table: pd.DataFrame) -> str:
    """One sentence per backbone: what the changes brought.

    Args:
        table: as `ablation_table` gives it.
    """
    return "\n".join(_in_words(rows) for _, rows in table.groupby("backbone", sort=False)) or "No change was trained."


def _in_words(rows: pd.DataFrame) -> str:
    title = tables.model_title(rows["backbone"].iloc[0])
    plain = rows["value"].iloc[0]
    if tables.is_random_control(rows).all():
        changed = rows["value"].iloc[1:]
        return (
            f"{title}, frozen with random weights (a control): {plain:.2f} plain, {changed.min():.2f} to "
            f"{changed.max():.2f} with a change. Whether a change helps the published model is not shown."
        )
    gains = rows[rows["gain"].notna()]
    best = gains.iloc[int(gains["gain"].argmax())]
    clear = gains[(gains["gain_low"] > 0) | (gains["gain_high"] < 0)]
    told = (
        f"the interval of {len(clear)} of {len(gains)} gains lies beside zero"
        if len(clear)
        else "the interval of every gain holds zero"
    )
    gain = tables.with_interval(best["gain"], best["gain_low"], best["gain_high"])
    return f"{title}: {plain:.2f} plain; the largest gain has {best['change']}, {gain}; {told}.{_weighing(gains)}"


def _weighing(gains: pd.DataFrame) -> str:
    """What several blocks weighed against each other bring beside the best of them alone."""
    together, alone = gains[gains["change"].str.contains(" and ")], gains[gains["change"].str.endswith("alone")]
    if together.empty or alone.empty:
        return ""
    first, best = together.iloc[0], alone.iloc[int(alone["gain"].argmax())]
    return f" Attention over {first['change']} brings {first['gain']:+.2f}, {best['change']} {best['gain']:+.2f}."
