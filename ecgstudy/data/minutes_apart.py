"""Do pages with one printed number agree better the closer in time they were recorded?

Footers print when a page was recorded. What is kept of it is how many minutes after the first page of its number
each page was, for the selected pages; nothing tells the day.
"""

from importlib import resources

import numpy as np
import pandas as pd

from ecgstudy.data import same_heart
from ecgstudy.data.same_heart import Numbers

SHORT, LONG = 5.0, 30.0  # minutes: between two recordings of one visit, and more than most visits take
APART = (f"under {SHORT:.0f} minutes", f"{SHORT:.0f} to {LONG:.0f} minutes", f"over {LONG:.0f} minutes")


def recorded_minutes() -> pd.Series:
    """Minutes from the first page of its number to each selected page of the public set, indexed by `page_id`."""
    with resources.as_file(resources.files("ecgstudy.data") / "minutes_in_group.csv") as path:
        return pd.read_csv(path, index_col="page_id", dtype={"page_id": str})["minutes_in_group"]


def agreement_over_time(
    found: Numbers, minutes: pd.Series | None = None, *, resamples: int = 2000, seed: int
) -> pd.DataFrame:
    """How well pairs of pages with one number agree, by how far apart in time they were recorded.

    Args:
        found: as `compare_numbers` gives it.
        minutes: by `page_id`, as `recorded_minutes` gives them, by default these; pairs without are left out.
        resamples: of whole numbers, for intervals (95 %).
        seed: of the resamples.

    Returns:
        A row for each of `APART` that has pairs: `apart, numbers, pairs`, `alike` (pairs as alike as two recordings of
        one heart), `likeness` (mean correlation of the median beats), `rate_apart` (mean ratio of the rates less one),
        and `beats, beats_low, beats_high, rate, rate_low, rate_high`: the AUROC of telling such pairs from pairs with
        different numbers, 0.5 if not at all. Each number counts once in means and AUROC.
    """
    minutes = recorded_minutes() if minutes is None else minutes
    own, generator = found.pairs, np.random.default_rng(seed)
    apart = abs(minutes.reindex(own["page_id"]).to_numpy() - minutes.reindex(own["other_id"]).to_numpy())
    places = np.select([apart < SHORT, apart <= LONG, apart > LONG], [0, 1, 2], default=-1)
    rows = []
    for place, name in enumerate(APART):
        pairs = own[places == place]
        if pairs.empty:
            continue
        row: dict[str, object] = {"apart": name, "numbers": pairs["group"].nunique(), "pairs": len(pairs)}
        row["alike"] = int((pairs["alike"] >= same_heart.ALIKE).sum())
        means = pairs.groupby("group")[["alike", "rate_apart"]].mean().mean()
        row |= {"likeness": means["alike"], "rate_apart": means["rate_apart"]}
        for measure, column in (("beats", "alike_rank"), ("rate", "rate_rank")):
            told = same_heart.mean_over_numbers(pairs, column, resamples=resamples, generator=generator)
            row |= dict(zip((measure, f"{measure}_low", f"{measure}_high"), told[1:], strict=True))
        rows.append(row)
    columns = ["apart", "numbers", "pairs", "alike", "likeness", "rate_apart"]
    ranks = [f"{measure}{end}" for measure in ("beats", "rate") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*columns, *ranks])


def time_in_words(told: pd.DataFrame) -> str:
    """Whether pages recorded close together show one heart more often, in sentences.

    Args:
        told: as `agreement_over_time` gives it.
    """
    if told.empty:
        return "When the pages of this study were recorded is not known."
    lines = [
        f"{row['apart']} apart: {row['pairs']} pairs of {row['numbers']} numbers; their beats correlate with "
        f"{row['likeness']:.2f} on average, tell them from pairs with different numbers with an AUROC of "
        f"{row['beats']:.2f} ({row['beats_low']:.2f} to {row['beats_high']:.2f}), and {row['alike']} are as alike as "
        "two recordings of one heart."
        for row in told.to_dict("records")
    ]
    near, far = told.iloc[0], told.iloc[-1]
    if len(told) == 1:
        return lines[0]
    if near["beats_low"] > far["beats_high"]:
        lines.append("So pages recorded close together show one heart more often than pages far apart.")
    elif far["beats_low"] > near["beats_high"]:
        lines.append("So pages recorded close together show one heart less often than pages far apart.")
    else:
        lines.append("The intervals overlap: that pages were recorded close together does not show in their beats.")
    return "\n".join(lines)
